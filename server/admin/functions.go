package admin

import (
	"encoding/json"
	"net/http"

	"realmsync/server/appconfig"
	"realmsync/server/functions"
)

// ofFunctions administers the functions of an app (app-services 11.2, steps 11 to 14).
var ofFunctions = &things[appconfig.Function]{
	what: "function", missing: "FunctionNotFound",
	of:    func(c *appconfig.Config) *[]appconfig.Function { return &c.Functions },
	named: func(f *appconfig.Function) (id, name *string) { return &f.ID, &f.Name },
	read: func(body object, f *appconfig.Function) error {
		var runAs, runAsScript string
		if err := members(body, "what it is for a function", map[string]any{
			"run_as_user_id": &runAs, "run_as_user_id_script_source": &runAsScript,
			"name": &f.Name, "private": &f.Private, "run_as_system": &f.RunAsSystem, "can_evaluate": &f.CanEvaluate, "source": &f.Source,
		}); err != nil {
			return err
		}
		if runAs != "" || runAsScript != "" {
			return refuse(http.StatusBadRequest, "InvalidParameter", "run_as_user_id: functions run as the user who calls, or with run_as_system as the server")
		}
		return functions.Check(f.Name, f.Source)
	},
	shown: func(f *appconfig.Function, n named) any {
		return struct {
			named

			Private     bool            `json:"private"`
			RunAsSystem bool            `json:"run_as_system"`
			CanEvaluate json.RawMessage `json:"can_evaluate,omitempty"`
		}{n, f.Private, f.RunAsSystem, f.CanEvaluate}
	},
	taken: func(name string) error {
		return refuse(http.StatusConflict, "FunctionDuplicateName", "function name already in use: '%s'", clip(name))
	},
}
