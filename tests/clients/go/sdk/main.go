// zitadel-go, unchanged, against a live server: signs in with a machine key file and with a personal access token, and
// manages an application with a key by version 1 and by version 2; prints "ok".
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/zitadel-go/v3/pkg/client"
	"github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/app"
	application "github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/application/v2"
	"github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/auth"
	"github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/authn"
	"github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/management"
	project "github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/project/v2"
	"github.com/zitadel/zitadel-go/v3/pkg/zitadel"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// What the test wrote for this program.
type scene struct {
	Issuer         string `json:"issuer"`
	Org            string `json:"org"`
	User           string `json:"user"`
	Token          string `json:"token"`
	ServiceAccount string `json:"serviceAccount"`
}

var expires = timestamppb.New(time.Date(2519, 4, 1, 8, 45, 0, 0, time.UTC))

func must[T any](value T, err error) T {
	check(err == nil, "%v", err)
	return value
}

func check(holds bool, format string, values ...any) {
	if !holds {
		fmt.Fprintf(os.Stderr, format+"\n", values...)
		os.Exit(1)
	}
}

func missing(err error, what string) {
	check(status.Code(err) == codes.NotFound, "%s: %v", what, err)
}

func version1(ctx context.Context, api management.ManagementServiceClient) {
	id := must(api.AddProject(ctx, &management.AddProjectRequest{Name: "go 1"})).GetId()
	method := app.APIAuthMethodType_API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT
	made := must(api.AddAPIApp(ctx, &management.AddAPIAppRequest{ProjectId: id, Name: "go", AuthMethodType: method}))
	seen := must(api.GetAppByID(ctx, &management.GetAppByIDRequest{ProjectId: id, AppId: made.GetAppId()})).GetApp()
	check(seen.GetName() == "go" && seen.GetApiConfig().GetClientId() == made.GetClientId(), "read: %v", seen)
	check(seen.GetApiConfig().GetAuthMethodType() == method, "the method: %v", seen)

	key := must(api.AddAppKey(ctx, &management.AddAppKeyRequest{
		ProjectId: id, AppId: made.GetAppId(), Type: authn.KeyType_KEY_TYPE_JSON, ExpirationDate: expires,
	}))
	file := must(client.ConfigFromKeyFileData(key.GetKeyDetails()))
	check(file.KeyID == key.GetId(), "a key file that the client reads: %v", file.KeyID)
	list := must(api.ListAppKeys(ctx, &management.ListAppKeysRequest{ProjectId: id, AppId: made.GetAppId()}))
	check(len(list.GetResult()) == 1 && list.GetResult()[0].GetId() == key.GetId(), "listed: %v", list)
	at := &management.GetAppKeyRequest{ProjectId: id, AppId: made.GetAppId(), KeyId: key.GetId()}
	until := must(api.GetAppKey(ctx, at)).GetKey().GetExpirationDate()
	check(until.AsTime().Equal(expires.AsTime()), "the key ends at %v", until)
	must(api.RemoveAppKey(ctx, &management.RemoveAppKeyRequest{ProjectId: id, AppId: made.GetAppId(), KeyId: key.GetId()}))
	_, err := api.GetAppKey(ctx, at)
	missing(err, "a removed key")
	must(api.RemoveApp(ctx, &management.RemoveAppRequest{ProjectId: id, AppId: made.GetAppId()}))
	_, err = api.GetAppByID(ctx, &management.GetAppByIDRequest{ProjectId: id, AppId: made.GetAppId()})
	missing(err, "a removed application")
	must(api.RemoveProject(ctx, &management.RemoveProjectRequest{Id: id}))
}

func version2(ctx context.Context, api *client.Client, org string) {
	projects, apps := api.ProjectServiceV2(), api.ApplicationServiceV2()
	id := must(projects.CreateProject(ctx, &project.CreateProjectRequest{OrganizationId: org, Name: "go 2"})).GetProjectId()
	method := application.APIAuthMethodType_API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT
	made := must(apps.CreateApplication(ctx, &application.CreateApplicationRequest{
		ProjectId: id, Name: "go",
		ApplicationType: &application.CreateApplicationRequest_ApiConfiguration{
			ApiConfiguration: &application.CreateAPIApplicationRequest{AuthMethodType: method},
		},
	})).GetApplicationId()
	seen := must(apps.GetApplication(ctx, &application.GetApplicationRequest{ApplicationId: made})).GetApplication()
	check(seen.GetName() == "go" && seen.GetApiConfiguration().GetAuthMethodType() == method, "read: %v", seen)

	key := must(apps.CreateApplicationKey(ctx, &application.CreateApplicationKeyRequest{
		ProjectId: id, ApplicationId: made, ExpirationDate: expires,
	}))
	file := must(client.ConfigFromKeyFileData(key.GetKeyDetails()))
	check(file.KeyID == key.GetKeyId(), "a key file that the client reads: %v", file.KeyID)
	got := must(apps.GetApplicationKey(ctx, &application.GetApplicationKeyRequest{KeyId: key.GetKeyId()}))
	check(got.GetExpirationDate().AsTime().Equal(expires.AsTime()), "the key ends at %v", got)
	list := must(apps.ListApplicationKeys(ctx, &application.ListApplicationKeysRequest{}))
	listed := func(found *application.ApplicationKey) bool { return found.GetKeyId() == key.GetKeyId() }
	check(slices.ContainsFunc(list.GetKeys(), listed), "listed: %v", list)
	must(apps.DeleteApplicationKey(ctx, &application.DeleteApplicationKeyRequest{
		ProjectId: id, ApplicationId: made, KeyId: key.GetKeyId(),
	}))
	_, err := apps.GetApplicationKey(ctx, &application.GetApplicationKeyRequest{KeyId: key.GetKeyId()})
	missing(err, "a removed key")
	must(apps.DeleteApplication(ctx, &application.DeleteApplicationRequest{ProjectId: id, ApplicationId: made}))
	_, err = apps.GetApplication(ctx, &application.GetApplicationRequest{ApplicationId: made})
	missing(err, "a removed application")
	must(projects.DeleteProject(ctx, &project.DeleteProjectRequest{ProjectId: id}))
}

func main() {
	var s scene
	check(json.Unmarshal(must(os.ReadFile(os.Args[1])), &s) == nil, "the scene")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address := must(url.Parse(s.Issuer))
	server := zitadel.New(address.Hostname(), zitadel.WithInsecure(address.Port()))

	account := client.DefaultServiceUserAuthentication(s.ServiceAccount, oidc.ScopeOpenID, client.ScopeZitadelAPI())
	api := must(client.New(ctx, server, client.WithAuth(account)))
	defer api.Close()
	version1(ctx, api.ManagementService())
	version2(ctx, api, s.Org)

	personal := must(client.New(ctx, server, client.WithAuth(client.PAT(s.Token))))
	defer personal.Close()
	me := must(personal.AuthService().GetMyUser(ctx, &auth.GetMyUserRequest{})).GetUser()
	check(me.GetId() == s.User, "the caller: %v", me)
	fmt.Println("ok")
}
