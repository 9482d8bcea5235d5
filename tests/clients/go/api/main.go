// grpc-go against a live server, as clients in Go are built: sign in with a machine key, learn the messages by
// reflection, and manage an application with a key over h2c with prior knowledge; prints "ok".
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	management = "zitadel.management.v1.ManagementService"
	auth       = "zitadel.auth.v1.AuthService"
	scopes     = "openid urn:zitadel:iam:org:project:id:zitadel:aud"
	grantType  = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

type fields map[string]any

// What the test wrote for this program.
type scene struct {
	Issuer         string `json:"issuer"`
	User           string `json:"user"`
	Token          string `json:"token"`
	ServiceAccount string `json:"serviceAccount"`
}

type keyFile struct {
	KeyID    string `json:"keyId"`
	Key      string `json:"key"`
	UserID   string `json:"userId"`
	ClientID string `json:"clientId"`
	AppID    string `json:"appId"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}

func check(holds bool, format string, values ...any) {
	if !holds {
		fail(format, values...)
	}
}

func read(path string, into any) {
	if err := json.Unmarshal(must(os.ReadFile(path)), into); err != nil {
		fail("%s: %v", path, err)
	}
}

// A token for a key file, at the endpoint that the discovery document names.
func signIn(issuer, path string) string {
	var key keyFile
	read(path, &key)
	var found struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	get(must(http.Get(issuer+"/.well-known/openid-configuration")), &found)
	check(found.Issuer == issuer, "the issuer is %s", found.Issuer)
	block, _ := pem.Decode([]byte(key.Key))
	private := must(x509.ParsePKCS1PrivateKey(block.Bytes))
	now := time.Now()
	assertion := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: key.UserID, Subject: key.UserID, Audience: jwt.ClaimStrings{issuer},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour)),
	})
	assertion.Header["kid"] = key.KeyID
	form := url.Values{"grant_type": {grantType}, "scope": {scopes}, "assertion": {must(assertion.SignedString(private))}}
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	get(must(http.PostForm(found.TokenEndpoint, form)), &token)
	check(token.AccessToken != "" && token.ExpiresIn >= 3600, "a token for an hour at least")
	return token.AccessToken
}

func get(answer *http.Response, into any) {
	defer answer.Body.Close()
	check(answer.StatusCode == http.StatusOK, "the server answered %s", answer.Status)
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		fail("%v", err)
	}
}

// The token on each call, as a credential that plain connections allow.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

type client struct {
	connection *grpc.ClientConn
	files      *protoregistry.Files
}

func dial(issuer, token string, more ...grpc.DialOption) *grpc.ClientConn {
	target := strings.TrimPrefix(issuer, "http://")
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(bearer(token)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, PermitWithoutStream: true}),
	}, more...)
	return must(grpc.NewClient(target, options...))
}

// The files that define these services and all that they need, from the server itself.
func describe(connection *grpc.ClientConn, services ...string) *protoregistry.Files {
	stream := must(reflection.NewServerReflectionClient(connection).ServerReflectionInfo(context.Background()))
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	add := func(request *reflection.ServerReflectionRequest) {
		if err := stream.Send(request); err != nil {
			fail("%v", err)
		}
		answer := must(stream.Recv())
		check(answer.GetErrorResponse() == nil, "reflection: %v", answer)
		for _, raw := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
			file := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(raw, file); err != nil {
				fail("%v", err)
			}
			if !seen[file.GetName()] {
				seen[file.GetName()] = true
				set.File = append(set.File, file)
			}
		}
	}
	for _, service := range services {
		add(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service}})
	}
	for i := 0; i < len(set.File); i++ {
		for _, needed := range set.File[i].GetDependency() {
			if !seen[needed] {
				add(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_FileByFilename{FileByFilename: needed}})
			}
		}
	}
	return must(protodesc.NewFiles(set))
}

// One call; the fields are those of the JSON form.
func (c client) try(service, name string, request fields, options ...grpc.CallOption) (fields, error) {
	found := must(c.files.FindDescriptorByName(protoreflect.FullName(service)))
	method := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
	check(method != nil, "the server describes %s", name)
	in, out := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	if err := protojson.Unmarshal(must(json.Marshal(request)), in); err != nil {
		fail("%s: %v", name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// The empty head is what an unset organization is sent as.
	ctx = metadata.AppendToOutgoingContext(ctx, "x-zitadel-orgid", "")
	if err := c.connection.Invoke(ctx, "/"+service+"/"+name, in, out, options...); err != nil {
		return nil, err
	}
	answer := fields{}
	if err := json.Unmarshal(must(protojson.Marshal(out)), &answer); err != nil {
		fail("%v", err)
	}
	return answer, nil
}

func (c client) call(name string, request fields) fields {
	answer, err := c.try(management, name, request)
	check(err == nil, "%s: %v", name, err)
	return answer
}

func (c client) refused(name string, request fields, code codes.Code, id string) {
	_, err := c.try(management, name, request)
	seen := status.Convert(err)
	check(seen.Code() == code && strings.Contains(seen.Message(), id), "%s: %v", name, err)
	check(len(seen.Details()) > 0 || code == codes.Unimplemented, "%s: the error has a detail", name)
}

func (f fields) at(path string) any {
	var value any = map[string]any(f)
	for _, name := range strings.Split(path, ".") {
		switch inner := value.(type) {
		case map[string]any:
			value = inner[name]
		case []any:
			check(len(inner) == 1, "one entry at %s: %v", path, f)
			value = inner[0].(map[string]any)[name]
		default:
			return nil
		}
	}
	return value
}

func (c client) application() {
	project := c.call("AddProject", fields{"name": "go"}).at("id")
	made := c.call("AddAPIApp", fields{"projectId": project, "name": "go", "authMethodType": "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT"})
	app := fields{"projectId": project, "appId": made.at("appId")}
	with := func(more fields) fields {
		for name, value := range app {
			more[name] = value
		}
		return more
	}
	seen := c.call("GetAppByID", app)
	check(seen.at("app.name") == "go" && seen.at("app.apiConfig.clientId") == made.at("clientId"), "read: %v", seen)
	check(seen.at("app.details.resourceOwner") != nil, "an owner: %v", seen)
	c.call("UpdateApp", with(fields{"name": "renamed"}))
	c.refused("UpdateApp", with(fields{"name": "renamed"}), codes.FailedPrecondition, "")

	key := c.call("AddAppKey", with(fields{"type": "KEY_TYPE_JSON", "expirationDate": "2519-04-01T08:45:00Z"}))
	at := with(fields{"keyId": key.at("id")})
	expires := c.call("GetAppKey", at).at("key.expirationDate")
	check(expires == "2519-04-01T08:45:00Z", "the key ends at %v", expires)
	list := c.call("ListAppKeys", app)
	check(list.at("result.id") == key.at("id"), "listed: %v", list)
	apps := c.call("ListApps", fields{"projectId": project})
	check(apps.at("result.name") == "renamed" && apps.at("details.totalResult") == "1", "listed: %v", apps)
	c.call("RemoveAppKey", at)
	c.refused("GetAppKey", at, codes.NotFound, "QUERY-Dgr3g")
	c.call("RemoveApp", app)
	c.refused("GetAppByID", app, codes.NotFound, "QUERY-pCP8P")
	c.call("RemoveProject", fields{"id": project})
	c.refused("GetProjectByID", fields{"id": project}, codes.NotFound, "")
}

func main() {
	var s scene
	read(os.Args[1], &s)
	connection := dial(s.Issuer, signIn(s.Issuer, s.ServiceAccount))
	defer connection.Close()
	c := client{connection, describe(connection, management, auth)}
	c.application()

	personal := client{dial(s.Issuer, s.Token), c.files}
	me, err := personal.try(auth, "GetMyUser", fields{})
	check(err == nil && me.at("user.id") == s.User, "%v %v", me, err)

	// A service that is not there answers in gRPC, so that a client may ask another one.
	var trailer metadata.MD
	nothing := dynamicpb.NewMessage(must(c.files.FindDescriptorByName("zitadel.auth.v1.GetMyUserRequest")).(protoreflect.MessageDescriptor))
	err = connection.Invoke(context.Background(), "/zitadel.feature.v2.FeatureService/GetInstanceFeatures", nothing, nothing, grpc.Trailer(&trailer))
	check(status.Code(err) == codes.Unimplemented, "not there: %v", err)
	fmt.Println("ok")
}
