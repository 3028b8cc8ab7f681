package main

import "realmsync/core/client"

// theClient has the sync sessions of the process. It is never closed: a process that ends with open realms leaves them as a crash
// would, which they are made for, and no exit handler waits for anything.
var theClient = client.New(client.Options{Logger: logger})
