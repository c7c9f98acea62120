//! The sessions of a web service: log in, see who is logged in where, log out here or everywhere. A session ends two hours
//! after it was last used.
//!
//!     REDIS_URL=redis://127.0.0.1:6380/ cargo run -p yarr-client-programs --bin sessions
//!     curl -X POST localhost:8080/login -H 'content-type: application/json' -d '{"user_id": 42, "device": "phone"}'
//!     curl localhost:8080/me -H 'authorization: Bearer ...'

use std::env;

use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use yarr_client::{Error, Migration, Migrator, prelude::*};

/// A session; its id is the token that the user's device keeps.
#[derive(Record)]
#[record(table = "web_session", ttl = "2h")]
struct Session {
    id: Uuid,
    #[record(index)]
    user_id: i64,
    device: Option<String>,
}

#[derive(Deserialize, Changes)]
#[record(of = Session)]
struct Login {
    user_id: i64,
    device: Option<String>,
}

/// What others may see of a session.
#[derive(Serialize)]
struct Shown {
    user_id: i64,
    device: Option<String>,
}

impl From<Session> for Shown {
    fn from(session: Session) -> Shown {
        Shown {
            user_id: session.user_id,
            device: session.device,
        }
    }
}

#[derive(Clone)]
struct Store(ConnectionManager);

async fn log_in(
    State(Store(mut store)): State<Store>,
    Json(login): Json<Login>,
) -> Result<impl IntoResponse, Refused> {
    let id = Session::fields().id.set(Uuid::new_v4());
    let session = Session::create((id, login)).run_async(&mut store).await?;
    Ok((StatusCode::CREATED, Json(session.id)))
}

async fn me(session: Session) -> Json<Shown> {
    Json(session.into())
}

async fn of_user(
    State(Store(mut store)): State<Store>,
    _: Session,
    Path(user): Path<i64>,
) -> Result<Json<Vec<Shown>>, Refused> {
    let f = Session::fields();
    let sessions = Session::query()
        .filter(f.user_id.eq(user))
        .order(f.device.asc())
        .limit(100);
    let sessions = sessions.load().run_async(&mut store).await?;
    Ok(Json(sessions.into_iter().map(Shown::from).collect()))
}

async fn log_out(
    State(Store(mut store)): State<Store>,
    session: Session,
) -> Result<StatusCode, Refused> {
    session.destroy().run_async(&mut store).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn log_out_everywhere(
    State(Store(mut store)): State<Store>,
    session: Session,
) -> Result<Json<u64>, Refused> {
    let all = Session::query().filter(Session::fields().user_id.eq(session.user_id));
    Ok(Json(all.delete().run_async(&mut store).await?))
}

/// Who asks: using a session is one command, which finds it and lets it live two hours more.
impl FromRequestParts<Store> for Session {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        Store(store): &Store,
    ) -> Result<Session, Refused> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let id: Uuid = token
            .and_then(|token| token.parse().ok())
            .ok_or(Refused::LogIn)?;
        Ok(Session::update(id, ())
            .run_async(&mut store.clone())
            .await?)
    }
}

enum Refused {
    LogIn,
    Store(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        match error {
            Error::NotFound { .. } => Refused::LogIn,
            error => Refused::Store(error),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::LogIn => (StatusCode::UNAUTHORIZED, "log in first").into_response(),
            Refused::Store(error) => {
                eprintln!("{error}");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}

fn service(store: Store) -> Router {
    Router::new()
        .route("/login", post(log_in))
        .route("/me", get(me))
        .route("/users/{user}/sessions", get(of_user))
        .route("/session", delete(log_out))
        .route("/sessions", delete(log_out_everywhere))
        .with_state(store)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6380/".into());
    let client = redis::Client::open(url)?;
    let mut store = client.get_connection_manager().await?;
    let first = Migration::new(20260101000000, "create_web_session").table(
        "web_session",
        "ID UUID TIMESTAMPS OFF ADD FIELD user_id INTEGER NOT NULL INDEX ADD FIELD device STRING SET TTL 7200 PASSIVE",
    );
    Migrator::new().with(first).up_async(&mut store).await?;
    // Rather not start than fail at the first request.
    Session::check()
        .run_async(&mut store)
        .await?
        .into_result()?;

    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, service(Store(store))).await?;
    Ok(())
}
