package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"
	"unsafe"

	"realmsync/core/app"
	"realmsync/core/client"
	"realmsync/core/outbound"
	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
)

// subscriptionSet is what client.SubscriptionSet.View shows.
type subscriptionSet = history.Set

const (
	appID   = "e2e-app"
	patient = 60 * time.Second // no wait of a test takes so long unless something is broken
)

// device is a client with files of its own: an app, a user and a synced realm. Its realm belongs to the thread that opened it.
type device struct {
	client  *client.Client
	app     *app.App
	user    *client.User
	realm   *realm.Realm
	session *client.Session
}

// deviceOptions say what a device is.
type deviceOptions struct {
	url     string
	dir     string
	schema  *schema.Schema
	failed  func(*session.Error) // told of sync errors
	timings session.Timings
	reset   client.ResetHandler // nil: resets are manual
	trust   string              // file of the certificates that are trusted; "": the system's
}

// handler is a client.ErrorHandler.
type handler func(*session.Error)

func (h handler) SyncError(_ *client.Session, e *session.Error) {
	if h != nil {
		h(e)
	}
}
func (handler) Close() {}

// openDevice logs in, with the user of the last time if there is one, and opens the realm. It locks the goroutine to its thread.
func openDevice(o deviceOptions) (d *device, err error) {
	runtime.LockOSThread()
	options, login := session.Options{Timings: o.timings}, app.Config{AppID: appID, BaseURL: o.url, Dir: o.dir}
	if o.trust != "" {
		trusting := outbound.Options{TrustFile: o.trust}
		options.Dialer = session.NewWebSocketDialer(session.WebSocketOptions{Options: trusting})
		transport, err := app.NewHTTPTransport(app.HTTPOptions{Options: trusting})
		if err != nil {
			return nil, err
		}
		login.Transport, login.Release = transport, transport.Close
	}
	d = &device{client: client.New(client.Options{Session: options})}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.app, err = d.client.OpenApp(login, false); err != nil {
		return d, err
	}
	user := d.app.CurrentUser()
	if user == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		if user, err = d.app.LogIn(ctx, app.Anonymous()); err != nil {
			return d, err
		}
	}
	d.user = client.NewUser(user)
	path, err := user.RealmPath()
	if err != nil {
		return d, err
	}
	config := realm.Config{Path: path, Schema: o.schema, SchemaMode: realm.AdditiveDiscovered}
	if d.realm, err = d.client.Open(client.Config{Realm: config, User: d.user, StopPolicy: session.AfterChangesUploaded, Errors: handler(o.failed), Reset: o.reset}); err != nil {
		return d, err
	}
	d.session, err = d.client.SessionOf(d.realm)
	return d, err
}

// close gives everything up and waits for the client's goroutines.
func (d *device) close() {
	if d.realm != nil {
		d.realm.Release()
	}
	if d.user != nil {
		d.user.Release()
	}
	if d.app != nil {
		d.app.Close()
	}
	d.client.Close()
}

func (d *device) path() string { return filepath.Clean(d.realm.Path()) }

// subscribe makes the query the only subscription and waits until the data is here.
func (d *device) subscribe(class, query string) error {
	set, err := d.announce(class, query)
	if err != nil {
		return err
	}
	defer set.Release()
	state, err := set.WaitFor(patient)
	if err == nil && state != session.Complete {
		err = fmt.Errorf("the subscription set became %v", state)
	}
	if err != nil {
		return err
	}
	_, err = d.realm.Refresh()
	return err
}

// announce commits a set with that subscription. The caller releases it.
func (d *device) announce(class, query string) (*client.SubscriptionSet, error) {
	latest, err := d.client.LatestSubscriptions(d.realm)
	if err != nil {
		return nil, err
	}
	defer latest.Release()
	set, err := latest.MakeMutable()
	if err != nil {
		return nil, err
	}
	if err = set.Clear(); err == nil {
		if err = set.Add(true, "all", class, query, nil, 0); err == nil {
			err = set.Commit()
		}
	}
	if err != nil {
		set.Release()
		return nil, err
	}
	return set, nil
}

// settle waits until the server has what is here, and here is what the server has.
func (d *device) settle() error {
	if err := d.session.WaitForUploadFor(patient); err != nil {
		return fmt.Errorf("waiting for the upload: %w", err)
	}
	if err := d.session.WaitForDownloadFor(patient); err != nil {
		return fmt.Errorf("waiting for the download: %w", err)
	}
	_, err := d.realm.Refresh()
	return err
}

// write runs a write transaction.
func (d *device) write(change func() error) error {
	if err := d.realm.BeginWrite(); err != nil {
		return err
	}
	if err := change(); err != nil {
		_ = d.realm.Cancel() // the first error counts
		return err
	}
	return d.realm.Commit()
}

// create makes an object of integers.
func (d *device) create(class string, values ...int64) error {
	cl, err := d.realm.Class(class)
	if err != nil {
		return err
	}
	cells := make([]store.Cell, len(values))
	for i, v := range values {
		cells[i] = store.IntCell(v)
	}
	o, _, err := d.realm.Create(cl.ID, unsafe.Pointer(&cells[0]), len(cells), false)
	if err == nil {
		realm.ReleaseObject(o)
	}
	return err
}

// createNamed makes an object of an integer key and a string.
func (d *device) createNamed(class string, key int64, name string) error {
	cl, err := d.realm.Class(class)
	if err != nil {
		return err
	}
	// A cell points to memory that doesn't move.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	text := unsafe.StringData(name)
	pinner.Pin(text)
	cells := []store.Cell{store.IntCell(key), store.IntCell(int64(uintptr(unsafe.Pointer(text))))}
	cells[1].Type, cells[1].Size = uint8(value.KindString), uint32(len(name))
	o, _, err := d.realm.Create(cl.ID, unsafe.Pointer(&cells[0]), len(cells), false)
	if err == nil {
		realm.ReleaseObject(o)
	}
	return err
}

// find returns the object with that integer key, nil if there is none. The caller releases it.
func (d *device) find(class string, key int64) (realm.Object, error) {
	cl, err := d.realm.Class(class)
	if err != nil {
		return nil, err
	}
	cell := store.IntCell(key)
	return d.realm.Find(cl.ID, unsafe.Pointer(&cell))
}

// rows reads all objects of a class of integers, in the order of a query's results.
func (d *device) rows(class string) (out [][]int64, err error) {
	cl, err := d.realm.Class(class)
	if err != nil {
		return nil, err
	}
	results, err := d.realm.All(cl.ID)
	if err != nil {
		return nil, err
	}
	defer results.Release()
	objects := make([]realm.Object, 256)
	for at := 0; ; {
		n, err := results.Load(at, len(objects), unsafe.Pointer(&objects[0]))
		if err != nil || n == 0 {
			return out, err
		}
		for _, o := range objects[:n] {
			// The documented part of realm_object_t, include/realm_sync.h.
			view := (*struct {
				magic, class   uint32
				key            int64
				stamp          uint64
				current        *uint64
				values         *store.Cell
				count, padding uint32
			})(o)
			var row []int64
			for _, cell := range unsafe.Slice(view.values, view.count) {
				row = append(row, cell.Int())
			}
			out = append(out, row)
			realm.ReleaseObject(o)
		}
		at += n
	}
}

// integers describes a class whose properties are all integers, the first of them the key.
func integers(name string, properties ...string) schema.Class {
	class := schema.Class{Name: name, PrimaryKey: properties[0]}
	for _, p := range properties {
		class.Properties = append(class.Properties, schema.Property{Name: p, Type: value.KindInt})
	}
	return class
}
