//! Real gRPC calls, binary over h2c with prior knowledge, for messages that a test writes as JSON. They are encoded by
//! another library than the server's, from the descriptor that the server shows to everybody.

use std::sync::LazyLock;

use claviger::proto::DESCRIPTOR_SET;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde::de::DeserializeSeed as _;
use serde_json::Value;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::TestServer;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTOR_SET).expect("the descriptor of the contract"));

/// A client with a connection, a token and the organization of its calls.
#[derive(Clone)]
pub struct Grpc {
    channel: Channel,
    token: String,
    org: String,
    /// Idempotency key; none is sent if it is empty.
    key: String,
}

impl Grpc {
    /// Connects to a server.
    pub async fn connect(server: &TestServer, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(server.url("")).expect("a URL");
        let channel = endpoint.connect().await.expect("h2c with prior knowledge");
        // An organization that is not set is sent as an empty one.
        Self { channel, token: token.to_owned(), org: String::new(), key: String::new() }
    }

    /// The same for calls in an organization.
    pub fn in_org(&self, org: &str) -> Self {
        Self { org: org.to_owned(), ..self.clone() }
    }

    /// The same for calls under an idempotency key.
    pub fn under(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// One call; the answer has every field, those with their default values too.
    pub async fn call(&self, service: &str, method: &str, request: Value) -> Result<Value, Status> {
        let found = POOL.get_service_by_name(service).unwrap_or_else(|| panic!("the contract has {service}"));
        let found = found.methods().find(|m| m.name() == method);
        let found = found.unwrap_or_else(|| panic!("{service} has {method}"));
        let message = found.input().deserialize(request).unwrap_or_else(|e| panic!("{method}: {e}"));
        let answer = self.raw(&format!("/{service}/{method}"), message, found.output()).await?;
        let options = SerializeOptions::new().skip_default_fields(false);
        Ok(answer.serialize_with_options(serde_json::value::Serializer, &options).expect("JSON"))
    }

    /// One call to a path of which the contract need not know.
    pub async fn raw(
        &self,
        path: &str,
        message: DynamicMessage,
        output: MessageDescriptor,
    ) -> Result<DynamicMessage, Status> {
        let mut request = Request::new(message);
        let bearer: MetadataValue<_> = format!("Bearer {}", self.token).parse().expect("metadata");
        request.metadata_mut().insert("authorization", bearer);
        request.metadata_mut().insert("x-zitadel-orgid", self.org.parse().expect("metadata"));
        if !self.key.is_empty() {
            request.metadata_mut().insert("idempotency-key", self.key.parse().expect("metadata"));
        }
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.expect("the connection is open");
        let answer = client.unary(request, path.parse().expect("a path"), Dynamic(output)).await?;
        // A status in the head of an answer would be an error already; here it came in the trailers.
        Ok(answer.into_inner())
    }

    /// An empty message, for calls whose request is not known.
    pub fn nothing() -> (DynamicMessage, MessageDescriptor) {
        let empty = POOL.get_message_by_name("zitadel.management.v1.HealthzRequest").expect("an empty message");
        (DynamicMessage::new(empty.clone()), empty)
    }
}

/// Encodes and decodes messages of a descriptor.
struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(into).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.0.clone(), from);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
