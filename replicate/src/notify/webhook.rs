//! A URL that is posted to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use reqwest::{Client, Url, header, redirect};

use super::{Notice, Occasion, Subscriber};
use crate::{
    config::Webhook,
    error::{Error, Result},
};

/// A URL that is posted to.
///
/// The body is the notice as JSON. With a secret, the header `X-Yarr-Signature` is `sha256=` and the hex digits of
/// HMAC-SHA256 of the header `X-Yarr-Timestamp` (seconds since 1970), a full stop and the body.
#[derive(Debug)]
pub struct Hook {
    webhook: Webhook,
    url: Url,
    client: Client,
}

impl Hook {
    /// As it is configured.
    ///
    /// # Errors
    /// Where its URL is none; it is not shown.
    pub fn new(webhook: &Webhook) -> Result<Hook> {
        let url: Option<Url> = webhook.url.expose().parse().ok();
        let url = url
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Error::usage("expected a URL https://host/path for [[notify.webhook]]")
            })?;
        // Where another part of the program has chosen one already, that one holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(webhook.timeout)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| Error::usage(format!("cannot post to webhooks: {error}")))?;
        Ok(Hook {
            webhook: webhook.clone(),
            url,
            client,
        })
    }

    /// Posts once; answers what went wrong, and whether the same again may do it.
    async fn post(&self, body: &str) -> std::result::Result<(), (bool, Error)> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = now.as_secs().to_string();
        let mut request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Yarr-Timestamp", &now);
        if let Some(secret) = &self.webhook.secret {
            let signed = signature(secret.expose(), &now, body);
            request = request.header("X-Yarr-Signature", signed);
        }
        let answer = request.body(body.to_string()).send().await;
        // Without the URL: it may hold a secret.
        let answer =
            answer.map_err(|error| (true, Error::unreachable(error.without_url().to_string())))?;
        let status = answer.status();
        let again = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        match status.is_success() {
            true => Ok(()),
            false => Err((
                again,
                Error::refused(format!("expected an answer 2xx, found {status}")),
            )),
        }
    }
}

/// What stands in the header: `sha256=` and hex digits.
pub(super) fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256={}", digits.collect::<String>())
}

#[async_trait]
impl Subscriber for Hook {
    fn name(&self) -> String {
        format!("webhook {}", self.url.host_str().unwrap_or_default())
    }

    fn wants(&self, occasion: Occasion) -> bool {
        self.webhook.on.contains(&occasion)
    }

    async fn tell(&self, notice: &Notice) -> Result<()> {
        let body =
            serde_json::to_string(notice).map_err(|error| Error::usage(error.to_string()))?;
        let mut wait = Duration::from_millis(500);
        for _ in 0..self.webhook.retries {
            match self.post(&body).await {
                Err((true, _)) => tokio::time::sleep(wait).await,
                done => return done.map_err(|(_, error)| error),
            }
            wait *= 2;
        }
        self.post(&body).await.map_err(|(_, error)| error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1.{}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            signature("key", "1", "{}"),
            "sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
        );
    }
}
