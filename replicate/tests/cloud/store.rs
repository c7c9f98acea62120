//! A folder and a bucket behave the same.

use std::path::Path;

use tempfile::TempDir;
use yarr_replicate::{
    Kind,
    store::{Bucket, Store},
};
use yarr_replicate_testing::{Fault, KEY, REGION, S3, SECRET};

/// A bucket as one gets in.
pub fn bucket(s3: &S3) -> Bucket {
    Bucket {
        name: s3.bucket().into(),
        prefix: "root/of it".into(),
        region: Some(REGION.into()),
        endpoint: Some(s3.endpoint()),
        key: Some((KEY.into(), SECRET.into())),
        token: None,
    }
}

async fn all(store: &Store, path: &str) -> Vec<u8> {
    let mut reader = store.read(path).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

async fn behaves(store: &Store) {
    assert_eq!(store.get("a/b").await.unwrap(), None);
    assert_eq!(store.size("a/b").await.unwrap(), None);
    assert!(store.read("a/b").await.is_err());
    store.put("a/b", b"one".to_vec()).await.unwrap();
    store.put("a/b", b"two".to_vec()).await.unwrap();
    assert_eq!(store.get("a/b").await.unwrap().unwrap(), b"two");
    assert_eq!(store.size("a/b").await.unwrap(), Some(3));

    // Of two that would replace the same version one does.
    assert!(!store.swap("a/b", None, b"new".to_vec()).await.unwrap());
    let (_, version) = store.read_version("a/b").await.unwrap().unwrap();
    assert!(
        store
            .swap("a/b", Some(&version), b"three".to_vec())
            .await
            .unwrap()
    );
    assert!(
        !store
            .swap("a/b", Some(&version), b"four".to_vec())
            .await
            .unwrap()
    );
    assert!(store.swap("a/c", None, b"made".to_vec()).await.unwrap());
    assert_eq!(store.get("a/b").await.unwrap().unwrap(), b"three");

    // An upload of several blocks, one of a few bytes, one of none; what is given up was never there.
    let block: Vec<u8> = (0..store.block() + 7).map(|at| (at % 251) as u8).collect();
    let mut upload = store.upload("a/long");
    upload.push(block.clone()).await.unwrap();
    upload.push(block.clone()).await.unwrap();
    assert_eq!(store.size("a/long").await.unwrap(), None);
    upload.finish(b"end".to_vec()).await.unwrap();
    assert!(all(store, "a/long").await == [block.as_slice(), &block, b"end"].concat());
    store.upload("a/short").finish(b"x".to_vec()).await.unwrap();
    store.upload("a/none").finish(Vec::new()).await.unwrap();
    assert_eq!(all(store, "a/short").await, b"x");
    assert_eq!(all(store, "a/none").await, b"");
    let mut given_up = store.upload("a/given up");
    given_up.push(block).await.unwrap();
    drop(given_up);
    assert_eq!(store.size("a/given up").await.unwrap(), None);

    store.put("a2/b", b"stays".to_vec()).await.unwrap();
    assert_eq!(store.folders().await.unwrap(), ["a", "a2"]);
    store.delete("a").await.unwrap();
    store.delete("a").await.unwrap();
    assert_eq!(store.get("a/b").await.unwrap(), None);
    assert_eq!(store.get("a2/b").await.unwrap().unwrap(), b"stays");
}

#[tokio::test]
async fn a_folder_is_a_store() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("made/by it");
    let store = Store::folder(&root).unwrap();
    behaves(&store).await;
    assert_eq!(store.url("a/b"), root.join("a/b").display().to_string());
    let left: Vec<_> = std::fs::read_dir(&root).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn a_bucket_is_a_store() {
    let s3 = S3::start("yarr");
    let store = Store::s3(&bucket(&s3)).unwrap();
    behaves(&store).await;
    assert_eq!(store.url("a/b"), "s3://yarr/root/of it/a/b");
    assert_eq!(s3.keys(""), ["root/of it/a2/b"]);
}

#[tokio::test]
async fn a_bucket_that_fails_for_a_while_is_asked_again() {
    let s3 = S3::start("yarr");
    let store = Store::s3(&bucket(&s3)).unwrap();
    for fault in [Fault::SlowDown, Fault::Unsure, Fault::Closed] {
        s3.fail("PUT", fault);
        s3.fail("GET", fault);
        store.put("a", b"one".to_vec()).await.unwrap();
        assert_eq!(store.get("a").await.unwrap().unwrap(), b"one");
    }
    assert_eq!(s3.requests().len(), 12);
}

#[tokio::test]
async fn what_a_bucket_refuses_is_told_in_one_line() {
    let s3 = S3::start("yarr");
    let right = bucket(&s3);
    let with = |change: fn(&mut Bucket)| {
        let mut bucket = right.clone();
        change(&mut bucket);
        Store::s3(&bucket).unwrap()
    };
    for (store, expected) in [
        (
            with(|bucket| bucket.key = Some((KEY.into(), "open sesame".into()))),
            "SignatureDoesNotMatch",
        ),
        (
            with(|bucket| bucket.key = Some(("AKIANOBODY".into(), SECRET.into()))),
            "look at access_key_id, secret_access_key and session_token of [s3]",
        ),
        (
            with(|bucket| bucket.name = "other".into()),
            "NoSuchBucket: The specified bucket does not exist; make the bucket, or name another in [s3]",
        ),
        (
            with(|bucket| bucket.region = Some("us-east-1".into())),
            "look at region of [s3]",
        ),
    ] {
        let mut upload = store.upload("a");
        for error in [
            store.put("a", b"one".to_vec()).await.unwrap_err(),
            store.get("a").await.unwrap_err(),
            store.delete("a").await.unwrap_err(),
            upload.push(vec![0; store.block()]).await.unwrap_err(),
        ] {
            let said = error.to_string();
            assert!(
                said.contains(expected) && !said.contains("sesame"),
                "{said}"
            );
            assert!(!said.contains('\n') && !said.contains(SECRET), "{said}");
            assert_eq!(error.kind, Kind::Refused, "{said}");
        }
    }
    let store = Store::s3(&right).unwrap();
    for (fault, expected) in [
        (
            Fault::Denied,
            "AccessDenied: Access Denied; this user or role needs s3:GetObject",
        ),
        (Fault::Full, "make room there, and run again"),
    ] {
        // A server that is full says 507, which is tried again first.
        (0..7).for_each(|_| s3.fail("PUT", fault));
        let error = store.put("a", b"one".to_vec()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.kind, Kind::Refused);
        s3.heal();
    }
    let nowhere = with(|bucket| bucket.endpoint = Some("http://127.0.0.1:1".into()));
    let error = nowhere.put("a", b"one".to_vec()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
    assert_eq!(format!("{right:?}"), "s3://yarr/root/of it");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Store::folder(&file.join("below")).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot make the folder"),
        "{error}"
    );
    // A device on which there is never room.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("full.part")).unwrap();
    let store = Store::folder(folder.path()).unwrap();
    let mut upload = store.upload("full");
    // The error of a write may come with the next one.
    let pushed = upload.push(vec![0; store.block()]).await;
    let error = match pushed {
        Err(error) => error,
        Ok(()) => upload.finish(vec![0; 10]).await.unwrap_err(),
    };
    assert!(error.to_string().contains("make room there"), "{error}");
    assert!(!Path::new(&store.url("full")).exists());
}
