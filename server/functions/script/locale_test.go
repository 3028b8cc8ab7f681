package script

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What ECMA-402 and Node say of en-US; "!" in front of what is refused.
func TestLocale(t *testing.T) {
	f := newFake(t)
	const date = "new Date('2024-02-29T13:04:05.678Z')."
	for expression, want := range map[string]string{
		"(1234567.891).toLocaleString()": "1,234,567.891", "(0.1 + 0.2).toLocaleString()": "0.3", "(-1234.5).toLocaleString('en-US')": "-1,234.5", "(999).toLocaleString()": "999", "(1e21).toLocaleString()": "1,000,000,000,000,000,000,000", "NaN.toLocaleString()": "NaN", "(-Infinity).toLocaleString()": "-∞",
		"(1.005).toLocaleString(undefined, {maximumFractionDigits: 2})": "1.01", "(2).toLocaleString('en', {minimumFractionDigits: 2})": "2.00", "(0.5).toLocaleString('en', {maximumFractionDigits: 0})": "1", "(99.995).toLocaleString('en', {minimumFractionDigits: 2, maximumFractionDigits: 2})": "100.00",
		"(0.256).toLocaleString('en-US', {style: 'percent'})": "26%", "(0.256).toLocaleString('en-US', {style: 'percent', minimumFractionDigits: 1})": "25.6%", "(12).toLocaleString('en-US', {style: 'percent'})": "1,200%", "(-0.001).toLocaleString('en-US', {maximumFractionDigits: 2})": "-0",
		"(1234.5).toLocaleString('en-US', {style: 'currency', currency: 'USD'})": "$1,234.50", "(-5).toLocaleString('en-US', {style: 'currency', currency: 'EUR'})": "-€5.00", "(5.4).toLocaleString('en-US', {style: 'currency', currency: 'JPY'})": "¥5", "(5).toLocaleString('en-US', {style: 'currency', currency: 'CHF'})": "CHF\u00a05.00",
		"(1234).toLocaleString('en-US', {useGrouping: false})": "1234", "(7).toLocaleString('en-US', {minimumIntegerDigits: 2})": "07", "(12345678901234567890n).toLocaleString()": "12,345,678,901,234,567,890", "BSON.Long('9223372036854775807') && new Intl.NumberFormat().format(BSON.Long.fromString('9223372036854775807'))": "9,223,372,036,854,775,807",
		"new Intl.NumberFormat('en-US', {maximumFractionDigits: 1}).format(2.25)": "2.3", "[1.5, 2000].map(new Intl.NumberFormat().format).join()": "1.5,2,000",
		"(1).toLocaleString('de-DE')": "!the locale 'de-DE' is not there", "(1).toLocaleString(['fr'])": "!'fr'", "(1).toLocaleString('en', {notation: 'compact'})": "!notation is 'compact'", "(1).toLocaleString('en', {maximumSignificantDigits: 2})": "!maximumSignificantDigits is not known", "(1).toLocaleString('en', {style: 'currency'})": "!needs the option currency",
		"(1).toLocaleString('en', {minimumFractionDigits: 5, maximumFractionDigits: 2})": "!out of range", "(1).toLocaleString('en', {maximumFractionDigits: 101})": "!out of range", "(1).toLocaleString('en', {maximumFractionDigits: 1e300})": "!out of range",
		date + "toLocaleString()": "2/29/2024, 1:04:05 PM", date + "toLocaleDateString()": "2/29/2024", date + "toLocaleTimeString()": "1:04:05 PM", "new Date(NaN).toLocaleString()": "Invalid Date",
		date + "toLocaleString('en-US', {timeZone: 'America/New_York'})": "2/29/2024, 8:04:05 AM", date + "toLocaleDateString('en-US', {timeZone: 'Asia/Tokyo', weekday: 'long'})": "Thursday", date + "toLocaleDateString(undefined, {year: 'numeric', month: 'long', day: 'numeric'})": "February 29, 2024",
		date + "toLocaleDateString('en-US', {weekday: 'short', month: 'short', day: '2-digit', year: 'numeric'})": "Thu, Feb 29, 2024", date + "toLocaleDateString('en-US', {month: '2-digit', day: '2-digit', year: '2-digit'})": "02/29/24", date + "toLocaleDateString('en-US', {month: 'long', year: 'numeric'})": "February 2024", date + "toLocaleDateString('en-US', {month: 'short', day: 'numeric'})": "Feb 29",
		date + "toLocaleTimeString('en-US', {hour: '2-digit', minute: '2-digit'})": "01:04 PM", date + "toLocaleTimeString('en-US', {hour12: false})": "13:04:05", date + "toLocaleTimeString('en-US', {hour: 'numeric'})": "1 PM", "new Date(0).toLocaleTimeString('en-US', {hourCycle: 'h23'})": "00:00:00", "new Date(0).toLocaleTimeString('en-US')": "12:00:00 AM",
		date + "toLocaleString('en-US', {dateStyle: 'full', timeStyle: 'short'})": "Thursday, February 29, 2024 at 1:04 PM", date + "toLocaleString('en-US', {dateStyle: 'medium'})": "Feb 29, 2024", date + "toLocaleDateString('en-US', {hour: 'numeric'})": "2/29/2024, 1 PM",
		"new Intl.DateTimeFormat('en-US').format(new Date(0))": "1/1/1970", "Intl.DateTimeFormat().resolvedOptions().timeZone": "UTC", date + "toLocaleString('en-GB')": "!'en-GB'", date + "toLocaleString('en', {timeZone: 'Nowhere'})": "!Invalid time zone", date + "toLocaleString('en', {timeZoneName: 'short'})": "!timeZoneName is not known", date + "toLocaleString('en', {dateStyle: 'full', hour: 'numeric'})": "!parts of dates",
		"['b', 'a', 'C', 'ä'].sort((x, y) => x.localeCompare(y)).join()": "a,ä,b,C", "String('a'.localeCompare('A', undefined, {sensitivity: 'base'}))": "0", "String('ä'.localeCompare('a', 'de', {sensitivity: 'base'}))": "0", "String('ä'.localeCompare('z', 'sv'))": "1", "String('ä'.localeCompare('z', 'de'))": "-1", "['a10', 'a2'].sort(new Intl.Collator('en', {numeric: true}).compare).join()": "a2,a10",
		"'a'.localeCompare('b', 'en', {ignorePunctuation: true})": "!ignorePunctuation", "new Intl.PluralRules()": "!Intl.PluralRules is not there",
	} {
		if want[0] == '!' {
			require.Contains(t, f.throws(expression), want[1:], expression)
			continue
		}
		require.Equal(t, want, f.value(expression), expression)
	}
}
