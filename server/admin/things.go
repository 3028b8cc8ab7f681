package admin

import (
	"net/http"
	"slices"

	"realmsync/server/appconfig"
)

// named is what lists show of most things.
type named struct {
	ID   string `json:"_id"`
	Name string `json:"name"`
}

// things is a list of named things in the configuration of an app, all of which are administered in one way: listed, read, made, changed, deleted.
type things[T any] struct {
	what    string // in texts
	missing string // the error code where there is none with the id
	of      func(*appconfig.Config) *[]T
	named   func(*T) (id, name *string)
	// read takes what a body gives.
	read func(body object, t *T) error
	// shown is what the list shows; nil: the name.
	shown func(*T, named) any
	// taken refuses a name that is in use.
	taken func(name string) error
}

// find returns the index of what has the id of the path.
func (x *things[T]) find(c *call, config *appconfig.Config) (int, error) {
	return position(*x.of(config), c.params["id"], func(t *T) string {
		id, _ := x.named(t)
		return *id
	}, x.missing, x.what)
}

// position returns the index in list of what has an id, or the error that there is none.
func position[T any](list []T, id string, of func(*T) string, code, what string) (int, error) {
	for i := range list {
		if of(&list[i]) == id {
			return i, nil
		}
	}
	return 0, refuse(http.StatusNotFound, code, "%s not found: '%s'", what, clip(id))
}

func (x *things[T]) list(c *call) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	all := *x.of(config)
	out := make([]any, len(all))
	for i := range all {
		id, name := x.named(&all[i])
		out[i] = named{*id, *name}
		if x.shown != nil {
			out[i] = x.shown(&all[i], named{*id, *name})
		}
	}
	return c.json(http.StatusOK, out)
}

func (x *things[T]) get(c *call) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	i, err := x.find(c, config)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, (*x.of(config))[i])
}

func (x *things[T]) create(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	var t T
	id, name := x.named(&t)
	*id = c.newID()
	if *name, err = body.need("name"); err != nil {
		return err
	}
	if err := x.read(body, &t); err != nil {
		return err
	}
	c.object = *name
	_, err = c.update(func(config *appconfig.Config) error {
		all := x.of(config)
		if slices.ContainsFunc(*all, func(other T) bool {
			_, used := x.named(&other)
			return *used == *name
		}) {
			return x.taken(*name)
		}
		*all = append(*all, t)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, named{*id, *name})
}

func (x *things[T]) put(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	return x.change(c, func(all *[]T, i int) error { return x.read(body, &(*all)[i]) })
}

func (x *things[T]) remove(c *call) error {
	return x.change(c, func(all *[]T, i int) error {
		*all = slices.Delete(*all, i, i+1)
		return nil
	})
}

// change does something with what has the id of the path.
func (x *things[T]) change(c *call, f func(all *[]T, i int) error) error {
	_, err := c.update(func(config *appconfig.Config) error {
		i, err := x.find(c, config)
		if err != nil {
			return err
		}
		all := x.of(config)
		_, name := x.named(&(*all)[i])
		c.object = *name
		return f(all, i)
	})
	if err != nil {
		return err
	}
	return c.done()
}

// members takes the members that a body gives.
func members(body object, what string, targets map[string]any) error {
	for member, target := range targets {
		if err := body.into(member, target, what); err != nil {
			return err
		}
	}
	return nil
}
