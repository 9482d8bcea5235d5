//! The same calls over gRPC, with the client of the crate `zitadel`.

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use zitadel::api::zitadel::management::v1::management_service_client::ManagementServiceClient;
use zitadel::api::zitadel::management::v1::{AddApiAppRequest, AddAppKeyRequest, GetAppKeyRequest, ListAppKeysRequest};

/// A call of the management API.
#[derive(Clone)]
pub enum Call {
    /// AddAPIApp; the name gets a number that no other request has.
    AddApiApp { project_id: String },
    /// AddAppKey.
    AddAppKey { project_id: String, app_id: String },
    /// GetAppKey.
    GetAppKey { project_id: String, app_id: String, key_id: String },
    /// ListAppKeys.
    ListAppKeys { project_id: String, app_id: String },
}

/// A connection of one caller.
pub struct Connection {
    client: ManagementServiceClient<Channel>,
    token: MetadataValue<Ascii>,
}

impl Connection {
    /// A connection to an address.
    pub async fn open(address: &str, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect().await.expect("a connection");
        let token = format!("Bearer {token}").parse().expect("metadata");
        Self { client: ManagementServiceClient::new(channel), token }
    }

    /// One call.
    pub async fn send(&mut self, call: &Call, number: usize) -> Result<(), Status> {
        match call.clone() {
            Call::AddApiApp { project_id } => {
                let message = AddApiAppRequest { project_id, name: format!("grpc-{number}"), auth_method_type: 0 };
                let request = self.request(message);
                self.client.add_api_app(request).await.map(drop)
            }
            Call::AddAppKey { project_id, app_id } => {
                let request = self.request(AddAppKeyRequest { project_id, app_id, r#type: 1, expiration_date: None });
                self.client.add_app_key(request).await.map(drop)
            }
            Call::GetAppKey { project_id, app_id, key_id } => {
                let request = self.request(GetAppKeyRequest { project_id, app_id, key_id });
                self.client.get_app_key(request).await.map(drop)
            }
            Call::ListAppKeys { project_id, app_id } => {
                let request = self.request(ListAppKeysRequest { project_id, app_id, query: None });
                self.client.list_app_keys(request).await.map(drop)
            }
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }
}
