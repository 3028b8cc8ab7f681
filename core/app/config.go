package app

import (
	"fmt"
	"log/slog"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// DefaultBaseURL is the server of an App that names none (app-services 3.2).
const DefaultBaseURL = "https://services.cloud.mongodb.com"

// DefaultTimeout bounds a request of an App that sets no other (app-services 1.4).
const DefaultTimeout = 60 * time.Second

// MetadataKeySize is the length of Config.MetadataKey, in bytes.
const MetadataKeySize = 64

// Config says what an App is. New copies it.
type Config struct {
	AppID   string // the public id, such as "myapp-abcde"; required, at most 256 bytes
	BaseURL string // "" is DefaultBaseURL; a trailing slash is cut off
	Dir     string // files go to Dir/mongodb-realm/<app id>; "" is the current directory at the time of New

	// MetadataKey encrypts the user file, with MetadataKeySize bytes; nil leaves it readable to the owner of the file.
	// A file that was written with another key, or without one, is discarded and begins anew, empty (app-services 6.4). The
	// environment variable REALM_DISABLE_METADATA_ENCRYPTION, whatever its value, switches encryption off.
	MetadataKey []byte

	// Device describes the program to the server at login. Zero fields get the defaults of DeviceInfo.
	Device DeviceInfo

	// Transport carries the requests; nil is NewHTTPTransport(HTTPOptions{}), which Close then closes.
	Transport Transport
	// Headers are added to every request, unless the request has one of the same name.
	Headers map[string]string
	// DefaultTimeout bounds each request; 0 is DefaultTimeout.
	DefaultTimeout time.Duration

	Logger *slog.Logger     // nil discards
	Clock  func() time.Time // nil is time.Now

	// DeleteRealm deletes a realm file with everything that lies beside it, when its user was removed. It returns nil when
	// the file doesn't exist. nil deletes the file and the companions of an SQLite file.
	DeleteRealm func(path string) error

	// Companion is what the maker of the App wants to find again with it, see App.Companion. The package doesn't look at it.
	Companion any
	// Release is called once, when the App needs Transport and Companion no more: after its end, when New fails, and when Shared finds an
	// App that has its own. nil: nobody wants to know. It is called on the goroutine that brings this about and must not call the App.
	Release func()
}

// DeviceInfo is sent with each login (app-services 4.1); the server may show it to its operator. The defaults are those of
// realm-cpp 2.2.0.
type DeviceInfo struct {
	Platform         string // default: the name for this system, "Linux" for example
	PlatformVersion  string // default "?"
	SDK              string // default "Realm Cpp"
	SDKVersion       string // default "2.2.0", the version whose behaviour this library has
	CPUArch          string // default: this processor's
	DeviceName       string
	DeviceVersion    string
	FrameworkName    string // default "Realm Cpp"
	FrameworkVersion string
	CoreVersion      string // default "14.11.0"
	BundleID         string
}

func (d DeviceInfo) withDefaults() DeviceInfo {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&d.Platform, platform(runtime.GOOS))
	set(&d.PlatformVersion, "?")
	set(&d.SDK, "Realm Cpp")
	set(&d.SDKVersion, "2.2.0")
	set(&d.CPUArch, cpuArch(runtime.GOARCH))
	set(&d.FrameworkName, "Realm Cpp")
	set(&d.CoreVersion, "14.11.0")
	return d
}

func platform(goos string) string {
	switch goos {
	case "android":
		return "Android"
	case "windows":
		return "Windows"
	case "ios":
		return "iOS"
	case "darwin":
		return "macOS"
	case "linux":
		return "Linux"
	}
	return "unknown"
}

func cpuArch(goarch string) string {
	switch goarch {
	case "arm", "arm64":
		return goarch
	case "386":
		return "x86"
	case "amd64":
		return "x86_64"
	}
	return "unknown"
}

// resolved checks a Config and fills in the defaults.
func (c Config) resolved() (Config, error) {
	if c.AppID == "" || len(c.AppID) > 256 {
		return c, fmt.Errorf("app: %w: AppID has %d bytes; give the app's public id, 1 to 256 bytes", ErrConfig, len(c.AppID))
	}
	var err error
	if c.BaseURL, err = cleanBaseURL(c.BaseURL); err != nil {
		return c, err
	}
	if c.Dir == "" {
		if c.Dir, err = os.Getwd(); err != nil {
			return c, fmt.Errorf("app: %w: the current directory cannot be found (%w); set Dir", ErrConfig, err)
		}
	}
	if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return c, fmt.Errorf("app: %w: Dir: %w", ErrConfig, err)
	}
	if n := len(c.MetadataKey); n != 0 && n != MetadataKeySize {
		return c, fmt.Errorf("app: %w: MetadataKey has %d bytes, it needs %d", ErrConfig, n, MetadataKeySize)
	}
	if c.DefaultTimeout < 0 {
		return c, fmt.Errorf("app: %w: DefaultTimeout is negative", ErrConfig)
	}
	for name, value := range c.Headers {
		if !validHeader(name, value) {
			return c, fmt.Errorf("app: %w: Headers: %q is not a valid header name, or its value has a line break", ErrConfig, name)
		}
	}
	if c.DefaultTimeout == 0 {
		c.DefaultTimeout = DefaultTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.DeleteRealm == nil {
		c.DeleteRealm = deleteRealmFiles
	}
	c.Device = c.Device.withDefaults()
	if _, off := os.LookupEnv("REALM_DISABLE_METADATA_ENCRYPTION"); off {
		c.MetadataKey = nil
	}
	c.MetadataKey = slices.Clone(c.MetadataKey)
	headers := make(map[string]string, len(c.Headers))
	for name, value := range c.Headers {
		headers[textproto.CanonicalMIMEHeaderKey(name)] = value
	}
	c.Headers = headers
	return c, nil
}

func validHeader(name, value string) bool {
	if name == "" || strings.ContainsAny(value, "\r\n\x00") {
		return false
	}
	for _, r := range name {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) {
			return false
		}
	}
	return true
}
