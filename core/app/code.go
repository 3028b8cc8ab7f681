package app

import "strconv"

// Code is the kind of an *Error, with the original's numbers (app-services 2.3).
type Code int

// Codes that the client itself gives.
const (
	CodeCustomError            Code = 4000 // the transport failed
	CodeClientUserNotFound     Code = 4100
	CodeClientUserNotLoggedIn  Code = 4101
	CodeClientRedirectError    Code = 4103
	CodeClientTooManyRedirects Code = 4104
	CodeClientUserAlreadyNamed Code = 4105
	CodeBadToken               Code = 4200
	CodeMalformedJSON          Code = 4201
	CodeMissingJSONKey         Code = 4202
	CodeBadBSONParse           Code = 4203
	CodeHTTPError              Code = 4309
)

// Codes of the service. Their names are the error_code of the server's JSON.
const (
	CodeMissingAuthReq               Code = 4300
	CodeInvalidSession               Code = 4301
	CodeUserAppDomainMismatch        Code = 4302
	CodeDomainNotAllowed             Code = 4303
	CodeReadSizeLimitExceeded        Code = 4304
	CodeInvalidParameter             Code = 4305
	CodeMissingParameter             Code = 4306
	CodeTwilioError                  Code = 4307
	CodeGCMError                     Code = 4308
	CodeAWSError                     Code = 4310
	CodeMongoDBError                 Code = 4311
	CodeArgumentsNotAllowed          Code = 4312
	CodeFunctionExecutionError       Code = 4313
	CodeNoMatchingRuleFound          Code = 4314
	CodeInternalServerError          Code = 4315
	CodeAuthProviderNotFound         Code = 4316
	CodeAuthProviderAlreadyExists    Code = 4317
	CodeServiceNotFound              Code = 4318
	CodeServiceTypeNotFound          Code = 4319
	CodeServiceAlreadyExists         Code = 4320
	CodeServiceCommandNotFound       Code = 4321
	CodeValueNotFound                Code = 4322
	CodeValueAlreadyExists           Code = 4323
	CodeValueDuplicateName           Code = 4324
	CodeFunctionNotFound             Code = 4325
	CodeFunctionAlreadyExists        Code = 4326
	CodeFunctionDuplicateName        Code = 4327
	CodeFunctionSyntaxError          Code = 4328
	CodeFunctionInvalid              Code = 4329
	CodeIncomingWebhookNotFound      Code = 4330
	CodeIncomingWebhookAlreadyExists Code = 4331
	CodeIncomingWebhookDuplicateName Code = 4332
	CodeRuleNotFound                 Code = 4333
	CodeAPIKeyNotFound               Code = 4334
	CodeRuleAlreadyExists            Code = 4335
	CodeRuleDuplicateName            Code = 4336
	CodeAuthProviderDuplicateName    Code = 4337
	CodeRestrictedHost               Code = 4338
	CodeAPIKeyAlreadyExists          Code = 4339
	CodeIncomingWebhookAuthFailed    Code = 4340
	CodeExecutionTimeLimitExceeded   Code = 4341
	CodeNotCallable                  Code = 4342
	CodeUserAlreadyConfirmed         Code = 4343
	CodeUserNotFound                 Code = 4344
	CodeUserDisabled                 Code = 4345
	CodeAuthError                    Code = 4346
	CodeBadRequest                   Code = 4347
	CodeAccountNameInUse             Code = 4348
	CodeInvalidPassword              Code = 4349
	CodeSchemaValidationFailedWrite  Code = 4350
	CodeAppUnknownError              Code = 4351 // JSON with a text and no error_code
	CodeMaintenanceInProgress        Code = 4352
	CodeUserpassTokenInvalid         Code = 4353
	CodeInvalidServerResponse        Code = 4354
	CodeAppServerError               Code = 4355 // JSON with an error_code that isn't in this list
)

// Category is the original's grouping of codes; each has one.
type Category int

// The categories, named after the predicates of realm::app_error.
const (
	CategoryCustom  Category = iota + 1 // is_custom_error: the transport failed
	CategoryClient                      // is_client_error: refused before it was sent, or a redirect that leads nowhere
	CategoryJSON                        // is_json_error: the answer isn't what it should be
	CategoryHTTP                        // is_http_error: a status without a JSON text
	CategoryService                     // is_service_error: the server's JSON says what is wrong
)

// String returns the category's name in lower case.
func (c Category) String() string {
	switch c {
	case CategoryCustom:
		return "custom"
	case CategoryClient:
		return "client"
	case CategoryJSON:
		return "json"
	case CategoryHTTP:
		return "http"
	case CategoryService:
		return "service"
	}
	return "Category(" + strconv.Itoa(int(c)) + ")"
}

// Category returns the code's category; CategoryCustom for numbers that aren't App Services codes.
func (c Code) Category() Category {
	switch {
	case c == CodeHTTPError:
		return CategoryHTTP
	case c >= 4100 && c <= 4199:
		return CategoryClient
	case c >= 4200 && c <= 4299:
		return CategoryJSON
	case c >= 4300 && c <= 4399:
		return CategoryService
	}
	return CategoryCustom
}

// String returns the original's name of the code, such as "InvalidPassword".
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "Code(" + strconv.Itoa(int(c)) + ")"
}

// serviceCode finds the code of an error_code. Like the original it knows the names of every category; unknown ones are
// AppServerError.
func serviceCode(name string) Code {
	if c, ok := codesByName[name]; ok {
		return c
	}
	return CodeAppServerError
}

var codesByName = func() map[string]Code {
	m := make(map[string]Code, len(codeNames))
	for c, name := range codeNames {
		m[name] = c
	}
	return m
}()
