package auth

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

const (
	// MaxDeviceText bounds each text that a client says of its device, in bytes.
	MaxDeviceText = 128
	// maxDevices bounds what is kept per user: realm-cpp does not tell its device id at a login, so each login is a new device.
	maxDevices = 50
)

// Device is what a client says of the device that it runs on (app-services 4.1). All of it is optional, and none is believed.
type Device struct {
	AppID            string `json:"appId,omitempty"`
	AppVersion       string `json:"appVersion,omitempty"`
	BundleID         string `json:"bundleId,omitempty"`
	CoreVersion      string `json:"coreVersion,omitempty"`
	CPUArch          string `json:"cpuArch,omitempty"`
	DeviceName       string `json:"deviceName,omitempty"`
	DeviceVersion    string `json:"deviceVersion,omitempty"`
	FrameworkName    string `json:"frameworkName,omitempty"`
	FrameworkVersion string `json:"frameworkVersion,omitempty"`
	Platform         string `json:"platform,omitempty"`
	PlatformVersion  string `json:"platformVersion,omitempty"`
	SDK              string `json:"sdk,omitempty"`
	SDKVersion       string `json:"sdkVersion,omitempty"`
}

// clip bounds what is kept.
func (d Device) clip() Device {
	for _, s := range []*string{&d.AppID, &d.AppVersion, &d.BundleID, &d.CoreVersion, &d.CPUArch, &d.DeviceName, &d.DeviceVersion, &d.FrameworkName,
		&d.FrameworkVersion, &d.Platform, &d.PlatformVersion, &d.SDK, &d.SDKVersion} {
		*s = clip(*s, MaxDeviceText)
	}
	return d
}

// parseDevice reads what storeDevice has stored.
func parseDevice(text string) (d Device, err error) {
	err = json.Unmarshal([]byte(text), &d)
	return d, err
}

// storeDevice remembers the device of a login, and forgets the ones that were not seen for longest.
func storeDevice(ctx context.Context, tx *sql.Tx, user, id string, d Device, now time.Time) error {
	info, err := json.Marshal(d.clip())
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO devices (user_id, id, info, seen) VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET info = excluded.info, seen = excluded.seen",
		user, id, string(info), now.Unix()); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM devices WHERE user_id = ?1 AND id IN (SELECT id FROM devices WHERE user_id = ?1 ORDER BY seen DESC, id DESC LIMIT -1 OFFSET ?2)", user, maxDevices)
	return err
}

// SeenDevice is a device that a user logged in from.
type SeenDevice struct {
	ID   string
	Seen time.Time // of the last login
	Device
}

// Devices returns the devices that a user logged in from, the last one first.
func (s *Service) Devices(ctx context.Context, app *App, user string) ([]SeenDevice, error) {
	rows, err := s.db.read.QueryContext(ctx, "SELECT d.id, d.info, d.seen FROM devices d JOIN users u ON u.id = d.user_id WHERE u.id = ? AND u.app_id = ? ORDER BY d.seen DESC, d.id DESC", user, app.ID)
	if err != nil {
		return nil, wrap("reading devices", err)
	}
	defer rows.Close()
	out := []SeenDevice{}
	for rows.Next() {
		var d SeenDevice
		var info string
		var seen int64
		if err := rows.Scan(&d.ID, &info, &seen); err != nil {
			return nil, wrap("reading devices", err)
		}
		if d.Device, err = parseDevice(info); err != nil {
			return nil, wrap("reading devices", err)
		}
		d.Seen = time.Unix(seen, 0)
		out = append(out, d)
	}
	return out, wrap("reading devices", rows.Err())
}
