package admin

import (
	"encoding/json"
	"net/http"
	"slices"

	"realmsync/server/appconfig"
	"realmsync/server/functions"
)

func (c *call) function(config *appconfig.Config) (int, error) {
	return position(config.Functions, c.params["id"], func(f *appconfig.Function) string { return f.ID }, "FunctionNotFound", "function")
}

func (c *call) listFunctions() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	type view struct {
		named

		Private     bool            `json:"private"`
		RunAsSystem bool            `json:"run_as_system"`
		CanEvaluate json.RawMessage `json:"can_evaluate,omitempty"`
	}
	out := make([]view, len(config.Functions))
	for i, f := range config.Functions {
		out[i] = view{named{f.ID, f.Name}, f.Private, f.RunAsSystem, f.CanEvaluate}
	}
	return c.json(http.StatusOK, out)
}

func (c *call) getFunction() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	i, err := c.function(config)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, config.Functions[i])
}

// createFunction adds a function (app-services 11.2, steps 11 to 14).
func (c *call) createFunction() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	f := appconfig.Function{ID: c.newID()}
	if f.Name, err = body.need("name"); err != nil {
		return err
	}
	if err := readFunction(body, &f); err != nil {
		return err
	}
	c.object = f.Name
	_, err = c.update(func(config *appconfig.Config) error {
		if config.Function(f.Name) != nil {
			return refuse(http.StatusConflict, "FunctionDuplicateName", "function name already in use: '%s'", clip(f.Name))
		}
		config.Functions = append(config.Functions, f)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, named{f.ID, f.Name})
}

func readFunction(body object, f *appconfig.Function) error {
	for member, target := range map[string]any{
		"name": &f.Name, "private": &f.Private, "run_as_system": &f.RunAsSystem, "can_evaluate": &f.CanEvaluate, "source": &f.Source,
	} {
		if err := body.into(member, target, "what it is for a function"); err != nil {
			return err
		}
	}
	return functions.Check(f.Name, f.Source)
}

func (c *call) putFunction() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	_, err = c.update(func(config *appconfig.Config) error {
		i, err := c.function(config)
		if err != nil {
			return err
		}
		c.object = config.Functions[i].Name
		return readFunction(body, &config.Functions[i])
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) deleteFunction() error {
	_, err := c.update(func(config *appconfig.Config) error {
		i, err := c.function(config)
		if err != nil {
			return err
		}
		c.object = config.Functions[i].Name
		config.Functions = slices.Delete(config.Functions, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}
