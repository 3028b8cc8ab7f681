package main

/*
#include "abi.h"
*/
import "C"

import (
	"realmsync/core/client"
	"realmsync/core/value"
)

//export realm_object_id_generate
func realm_object_id_generate() C.realm_value_t { return toC(value.FromObjectID(client.NewObjectID())) }
