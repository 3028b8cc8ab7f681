package rules

import (
	"encoding/json"
	"errors"
	"fmt"

	"realmsync/server/appconfig"
	"realmsync/server/jsonschema"
)

// Check is appconfig.StoreConfig.Check: it reports what is wrong with the rules and the schemas of a configuration.
func Check(c *appconfig.Config) error {
	if _, err := jsonschema.Of(c); err != nil {
		return err
	}
	_, err := Compile(c)
	if err == nil {
		err = others(c)
	}
	var e *Error
	if errors.As(err, &e) {
		return &appconfig.ValidationError{Path: e.Path, Reason: e.Reason}
	}
	return err
}

// others parses the expressions that are not part of a role: those of functions and of filters, which are compiled where they are used. What is
// wrong with one there can only be that nobody may.
func others(c *appconfig.Config) error {
	for i, f := range c.Functions {
		if _, err := ParseExpression(f.CanEvaluate, fmt.Sprintf("functions[%d].can_evaluate", i)); err != nil {
			return err
		}
	}
	for i := range c.Services {
		s := &c.Services[i]
		if !s.IsData() {
			continue
		}
		if s.DefaultRule != nil {
			if err := filters(s.DefaultRule.Filters, fmt.Sprintf("services[%d].default_rule.filters", i)); err != nil {
				return err
			}
		}
		for k := range s.Rules {
			if err := filters(s.Rules[k].Filters, fmt.Sprintf("services[%d].rules[%d].filters", i, k)); err != nil {
				return err
			}
		}
	}
	return nil
}

func filters(text json.RawMessage, path string) error {
	if len(text) == 0 {
		return nil
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return fault(path, "filters are an array of objects")
	}
	for i, f := range list {
		for _, name := range []string{"apply_when", "query"} {
			if _, err := ParseExpression(f[name], fmt.Sprintf("%s[%d].%s", path, i, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
