package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
)

// appView is an app on the wire.
type appView struct {
	ID              string `json:"_id"`
	ClientAppID     string `json:"client_app_id"`
	Name            string `json:"name"`
	GroupID         string `json:"group_id"`
	DomainID        string `json:"domain_id"`
	Location        string `json:"location"`
	DeploymentModel string `json:"deployment_model"`
	Environment     string `json:"environment"`
	Product         string `json:"product"`
}

func viewApp(app *auth.App, c *appconfig.Config) appView {
	return appView{app.InternalID, app.ID, c.Name, app.GroupID, app.DomainID, c.Location, c.DeploymentModel, c.Environment, "standard"}
}

func (c *call) listApps() error {
	apps, err := c.cfg.Users.Apps(c.ctx())
	if err != nil {
		return err
	}
	out := make([]appView, 0, len(apps))
	for i := range apps {
		config, err := c.cfg.Configs.Current(c.ctx(), apps[i].ID)
		if err != nil {
			return err
		}
		out = append(out, viewApp(&apps[i], config))
	}
	return c.json(http.StatusOK, out)
}

func (c *call) getApp() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, viewApp(c.app, config))
}

var appName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// createApp makes an app that has no logins and no data source yet. Its client app id is its name and five random letters.
func (c *call) createApp() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	name, err := body.need("name")
	if err != nil {
		return err
	}
	if !appName.MatchString(name) {
		return badRequest("%q can't be the name of an app: use 1 to 32 letters, digits, '_' and '-'", clip(name))
	}
	var fields struct{ location, model, environment string }
	for member, target := range map[string]*string{"location": &fields.location, "deployment_model": &fields.model, "environment": &fields.environment} {
		if err := body.into(member, target, "a string"); err != nil {
			return err
		}
	}
	id, config, err := c.configureNew(name, func(config *appconfig.Config) {
		if fields.location != "" {
			config.Location = fields.location
		}
		if fields.model != "" {
			config.DeploymentModel = fields.model
		}
		config.Environment = fields.environment
	})
	if err != nil {
		return err
	}
	c.object = id
	app, created, err := c.cfg.Users.CreateApp(c.ctx(), id)
	if err == nil && !created {
		return refuse(http.StatusConflict, "", "there is an app with client app id %s already; try again", id)
	}
	if err != nil {
		return errors.Join(err, c.cfg.Configs.Delete(context.WithoutCancel(c.ctx()), id))
	}
	c.app = app
	return c.json(http.StatusCreated, viewApp(app, config))
}

// configureNew configures an app that is to be made, under an id that no app has: the configuration is first, because without one everybody could log in.
func (c *call) configureNew(name string, set func(*appconfig.Config)) (id string, config *appconfig.Config, err error) {
	first := strings.TrimLeft(name, "_-")
	if first == "" {
		first = "app"
	}
	for range 10 {
		id = first + "-" + c.cfg.letters(5)
		config, err = c.cfg.Configs.Update(c.ctx(), id, func(config *appconfig.Config) error {
			var unknown *auth.ErrUnknownApp
			if _, err := c.cfg.Users.ExistingApp(c.ctx(), id); err == nil {
				return errTaken
			} else if !errors.As(err, &unknown) {
				return err
			}
			if err := c.cfg.Users.CanCreate(c.ctx(), id); err != nil {
				return errors.Join(errTaken, err)
			}
			*config = *appconfig.New(id, name)
			set(config)
			return nil
		})
		if !errors.Is(err, errTaken) {
			return id, config, err
		}
	}
	return "", nil, refuse(http.StatusConflict, "", "no free client app id was found for %q; try again", clip(name))
}

// errTaken is a client app id that an app has, or that one has left something under.
var errTaken = errors.New("admin: there is an app with this client app id")

// deleteApp removes the app with everything. Once the app itself is gone the rest is done even if the client has gone too, and what can't be removed
// now is removed later.
func (c *call) deleteApp() error {
	if err := c.cfg.Users.DeleteApp(c.ctx(), c.app); err != nil {
		return err
	}
	if err := c.cfg.Deletions.finish(context.WithoutCancel(c.ctx()), c.app.ID); err != nil {
		c.log.Error(NotFinished, "request", c.id, "app", c.app.ID, "error", err)
	}
	return c.done()
}

// NotFinished is what a log says of deletions that could not be finished.
const NotFinished = "an app is deleted, and not all of its data could be removed; it is tried again within a minute, and until then there can be no app of its id"

// config is the configuration of the path's app.
func (c *call) config() (*appconfig.Config, error) { return c.cfg.Configs.Current(c.ctx(), c.app.ID) }

// update changes the configuration of the path's app, if that was not deleted meanwhile: it would have a configuration again, and whoever made an app of
// its id would find it. An app goes before its configuration (deleteApp), and configurations change one by one.
func (c *call) update(f func(*appconfig.Config) error) (*appconfig.Config, error) {
	return c.cfg.Configs.Update(c.ctx(), c.app.ID, func(config *appconfig.Config) error {
		if app, err := c.cfg.Users.AppByInternalID(c.ctx(), c.app.InternalID); err != nil {
			return err
		} else if app == nil {
			return refuse(http.StatusNotFound, "", "app not found")
		}
		return f(config)
	})
}

// newID makes the id of something new.
func (c *call) newID() string { return appconfig.NewID(c.cfg.Now()) }

// letters returns n random lower-case letters.
func letters(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	return string(b)
}
