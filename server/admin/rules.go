package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"realmsync/server/appconfig"
)

// readRule takes roles and filters of a body. A role list in a list is taken as well (app-services 11.4).
func readRule(body object, r *appconfig.Rule) error {
	if raw := body.raw("roles"); raw != nil {
		roles, err := flatten(raw)
		if err != nil {
			return err
		}
		r.Roles = []appconfig.Role{}
		if err := json.Unmarshal(roles, &r.Roles); err != nil {
			return badRequest("'roles' must be a list of roles: %s", clip(err.Error()))
		}
	}
	if raw, ok := body["filters"]; ok {
		r.Filters = raw
	}
	return nil
}

// flatten makes [[a, b]] of lists in a list [a, b].
func flatten(raw json.RawMessage) (json.RawMessage, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, badRequest("'roles' must be a list")
	}
	out := []json.RawMessage{}
	for _, e := range elements {
		if !bytes.HasPrefix(bytes.TrimSpace(e), []byte("[")) {
			out = append(out, e)
			continue
		}
		var inner []json.RawMessage
		if err := json.Unmarshal(e, &inner); err != nil {
			return nil, badRequest("'roles' must be a list")
		}
		out = append(out, inner...)
	}
	return mustJSON(out), nil
}

func (c *call) rule(s *appconfig.Service) (int, error) {
	return position(s.Rules, c.params["rule"], func(r *appconfig.CollectionRule) string { return r.ID }, "RuleNotFound", "rule")
}

func (c *call) listRules() error {
	type view struct {
		ID         string `json:"_id"`
		Database   string `json:"database"`
		Collection string `json:"collection"`
	}
	return c.read(func(s *appconfig.Service) error {
		out := make([]view, len(s.Rules))
		for i, r := range s.Rules {
			out[i] = view{r.ID, r.Database, r.Collection}
		}
		return c.json(http.StatusOK, out)
	})
}

func (c *call) getRule() error {
	return c.read(func(s *appconfig.Service) error {
		i, err := c.rule(s)
		if err != nil {
			return err
		}
		return c.json(http.StatusOK, s.Rules[i])
	})
}

// createRule adds the rule of a collection, whether or not there is such a collection (app-services 11.2, steps 18 and 19).
func (c *call) createRule() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	r := appconfig.CollectionRule{Rule: appconfig.Rule{ID: c.newID(), Roles: []appconfig.Role{}}}
	if r.Database, err = body.need("database"); err != nil {
		return err
	}
	if r.Collection, err = body.need("collection"); err != nil {
		return err
	}
	if err := readRule(body, &r.Rule); err != nil {
		return err
	}
	c.object = r.Database + "." + r.Collection
	err = c.change(func(s *appconfig.Service) error {
		if slices.ContainsFunc(s.Rules, func(o appconfig.CollectionRule) bool { return o.Database == r.Database && o.Collection == r.Collection }) {
			return refuse(http.StatusConflict, "RuleAlreadyExists", "rule already exists for %s", clip(c.object))
		}
		s.Rules = append(s.Rules, r)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, r)
}

func (c *call) putRule() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	var out appconfig.CollectionRule
	err = c.change(func(s *appconfig.Service) error {
		i, err := c.rule(s)
		if err != nil {
			return err
		}
		r := &s.Rules[i]
		for member, target := range map[string]*string{"database": &r.Database, "collection": &r.Collection} {
			if err := body.into(member, target, "a string"); err != nil {
				return err
			}
		}
		c.object = r.Database + "." + r.Collection
		err = readRule(body, &r.Rule)
		out = *r
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

func (c *call) deleteRule() error {
	err := c.change(func(s *appconfig.Service) error {
		i, err := c.rule(s)
		if err != nil {
			return err
		}
		c.object = s.Rules[i].Database + "." + s.Rules[i].Collection
		s.Rules = slices.Delete(s.Rules, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

var errNoDefaultRule = refuse(http.StatusNotFound, "RuleNotFound", "default rule not found")

func (c *call) getDefaultRule() error {
	return c.read(func(s *appconfig.Service) error {
		if s.DefaultRule == nil {
			return errNoDefaultRule
		}
		return c.json(http.StatusOK, s.DefaultRule)
	})
}

func (c *call) createDefaultRule() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	r := &appconfig.Rule{ID: c.newID(), Roles: []appconfig.Role{}}
	if err := readRule(body, r); err != nil {
		return err
	}
	err = c.change(func(s *appconfig.Service) error {
		c.object = s.Name
		if s.DefaultRule != nil {
			return refuse(http.StatusBadRequest, "RuleAlreadyExists", "default rule already exists")
		}
		s.DefaultRule = r
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, r)
}

// putDefaultRule takes what GET gave back, changed. Its answer has no body (app-services 11.4).
func (c *call) putDefaultRule() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	id, err := body.text("_id")
	if err != nil {
		return err
	}
	err = c.change(func(s *appconfig.Service) error {
		c.object = s.Name
		switch {
		case s.DefaultRule == nil:
			return errNoDefaultRule
		case s.DefaultRule.ID != id:
			return refuse(http.StatusBadRequest, "BadRequest", "service default rule id mismatch")
		}
		return readRule(body, s.DefaultRule)
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) deleteDefaultRule() error {
	err := c.change(func(s *appconfig.Service) error {
		c.object = s.Name
		if s.DefaultRule == nil {
			return errNoDefaultRule
		}
		s.DefaultRule = nil
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}
