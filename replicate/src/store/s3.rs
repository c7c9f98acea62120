//! A bucket of S3.

use std::{error, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ClientOptions, Error as StoreError, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, RetryConfig, UpdateVersion,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};

use super::{Bucket, Version};
use crate::error::{Error, Kind, Result};

/// What a part of an upload has at least, by S3's own rule.
pub const BLOCK: usize = 5 << 20;
/// How long a request is tried again that met an error of the server or of the network.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct S3 {
    store: AmazonS3,
    bucket: Bucket,
}

impl S3 {
    pub fn open(bucket: &Bucket) -> Result<S3> {
        // The library asks for one where it makes a client, and there may be none for the process yet; a second call
        // finds that of the first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&bucket.name)
            .with_client_options(ClientOptions::new().with_timeout(Duration::from_secs(120)))
            .with_retry(RetryConfig {
                max_retries: 6,
                retry_timeout: PATIENCE,
                ..RetryConfig::default()
            });
        if let Some(region) = &bucket.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &bucket.endpoint {
            let plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(plain);
        }
        if let Some((key, secret)) = &bucket.key {
            builder = builder.with_access_key_id(key);
            builder = builder.with_secret_access_key(secret);
        }
        if let Some(token) = &bucket.token {
            builder = builder.with_token(token);
        }
        let bucket = bucket.clone();
        match builder.build() {
            Ok(store) => Ok(S3 { store, bucket }),
            Err(error) => Err(Error::usage(format!("[s3]: {error}"))),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("s3://{}/{}", self.bucket.name, self.path(path))
    }

    fn path(&self, path: &str) -> Path {
        Path::from_iter(
            [self.bucket.prefix.as_str(), path]
                .iter()
                .flat_map(|path| path.split('/'))
                .filter(|part| !part.is_empty()),
        )
    }

    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let put = self.store.put(&self.path(path), bytes.into()).await;
        put.map(drop)
            .map_err(|error| self.said(&error, "write", path))
    }

    pub async fn read_version(&self, path: &str) -> Result<Option<(Vec<u8>, Version)>> {
        let Some(found) = self.there(self.store.get(&self.path(path)).await, path)? else {
            return Ok(None);
        };
        let version = Version(found.meta.e_tag.clone().unwrap_or_default());
        let bytes = found.bytes().await;
        let bytes = bytes.map_err(|error| self.said(&error, "read", path))?;
        Ok(Some((bytes.into(), version)))
    }

    pub async fn swap(
        &self,
        path: &str,
        version: Option<&Version>,
        bytes: Vec<u8>,
    ) -> Result<bool> {
        let mode = match version {
            None => PutMode::Create,
            Some(Version(tag)) => PutMode::Update(UpdateVersion {
                e_tag: Some(tag.clone()),
                version: None,
            }),
        };
        let place = self.path(path);
        let put = self
            .store
            .put_opts(&place, bytes.into(), PutOptions::from(mode));
        match put.await {
            Ok(_) => Ok(true),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.said(&error, "write", path)),
        }
    }

    pub async fn size(&self, path: &str) -> Result<Option<u64>> {
        let found = self.there(self.store.head(&self.path(path)).await, path)?;
        Ok(found.map(|found| found.size))
    }

    pub async fn read(&self, path: &str) -> Result<Reader> {
        let found = self.store.get(&self.path(path)).await;
        let found = found.map_err(|error| self.said(&error, "read", path))?;
        Ok(Reader {
            stream: found.into_stream(),
            place: self.url(path),
        })
    }

    pub fn upload(&self, path: &str) -> Upload {
        Upload {
            store: self.store.clone(),
            path: self.path(path),
            place: self.url(path),
            under_way: None,
        }
    }

    pub async fn folders(&self) -> Result<Vec<String>> {
        let found = self.store.list_with_delimiter(Some(&self.path(""))).await;
        let found = found.map_err(|error| self.said(&error, "list", ""))?;
        let names = found.common_prefixes.iter();
        let names = names.filter_map(|path| Some(path.parts().next_back()?.as_ref().to_string()));
        Ok(names.collect())
    }

    pub async fn delete(&self, path: &str) -> Result<()> {
        let found = self.store.list(Some(&self.path(path)));
        let paths = found.map_ok(|found| found.location).boxed();
        let deleted = self.store.delete_stream(paths);
        let deleted = deleted.try_for_each(|_| std::future::ready(Ok(()))).await;
        deleted.map_err(|error| self.said(&error, "delete", path))
    }

    /// `None` where there is nothing of that name, in a bucket that is there.
    fn there<T>(&self, found: object_store::Result<T>, path: &str) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(error @ StoreError::NotFound { .. }) if !text(&error).contains("NoSuchBucket") => {
                Ok(None)
            }
            Err(error) => Err(self.said(&error, "read", path)),
        }
    }

    fn said(&self, error: &StoreError, what: &str, path: &str) -> Error {
        said(error, what, &self.url(path))
    }
}

pub struct Reader {
    stream: BoxStream<'static, object_store::Result<bytes::Bytes>>,
    place: String,
}

impl Reader {
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let next = self.stream.try_next().await;
        let next = next.map_err(|error| said(&error, "read", &self.place))?;
        Ok(next.map(Vec::from))
    }
}

pub struct Upload {
    store: AmazonS3,
    path: Path,
    place: String,
    under_way: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub async fn push(&mut self, bytes: Vec<u8>) -> Result<()> {
        let failed = |error: &StoreError| said(error, "write", &self.place);
        let upload = match &mut self.under_way {
            Some(upload) => upload,
            none => {
                let begun = self.store.put_multipart(&self.path).await;
                none.insert(begun.map_err(|error| failed(&error))?)
            }
        };
        let put = upload.put_part(PutPayload::from(bytes)).await;
        if let Err(error) = &put {
            // What is begun and not ended is paid for; where this fails too, a rule of the bucket's is to end it.
            let _ = upload.abort().await;
            return Err(failed(error));
        }
        Ok(())
    }

    pub async fn finish(mut self, bytes: Vec<u8>) -> Result<()> {
        if self.under_way.is_some() && !bytes.is_empty() {
            self.push(bytes).await?;
        } else if self.under_way.is_none() {
            // All of it fits one request.
            let put = self.store.put(&self.path, bytes.into()).await;
            return put
                .map(drop)
                .map_err(|error| said(&error, "write", &self.place));
        }
        match self.under_way {
            Some(mut upload) => {
                let done = upload.complete().await;
                done.map(drop)
                    .map_err(|error| said(&error, "write", &self.place))
            }
            None => Ok(()),
        }
    }
}

/// An error and all that it comes from.
fn text(error: &dyn error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text.push_str(&format!(": {next}"));
        source = next.source();
    }
    text
}

/// What the server said, `NoSuchBucket`, from the XML of its answer.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

fn said(error: &StoreError, what: &str, place: &str) -> Error {
    let text = text(error);
    let code = element(&text, "Code").unwrap_or_default();
    let message = element(&text, "Message").unwrap_or_default();
    let (kind, hint) = match code {
        "NoSuchBucket" => (Kind::Refused, "make the bucket, or name another in [s3]"),
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken" => (
            Kind::Refused,
            "look at access_key_id, secret_access_key and session_token of [s3]",
        ),
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "IllegalLocationConstraintException" => (Kind::Refused, "look at region of [s3]"),
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => (
            Kind::Refused,
            "this user or role needs s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucket here",
        ),
        "XMinioStorageFull" | "QuotaExceeded" | "EntityTooLarge" => {
            (Kind::Refused, "make room there, and run again")
        }
        _ => match error {
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
                (Kind::Refused, "look at the keys of [s3]")
            }
            StoreError::NotFound { .. } => (Kind::Refused, "it is not there"),
            _ => (Kind::Unreachable, "run again when S3 can be reached"),
        },
    };
    let reason = match (code, message) {
        ("", _) => text.lines().next().unwrap_or_default().to_string(),
        (code, "") => code.into(),
        (code, message) => format!("{code}: {}", message.trim_end_matches('.')),
    };
    Error::new(kind, format!("cannot {what} {place}: {reason}; {hint}"))
}
