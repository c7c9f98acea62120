//! Amazon Redshift: COPY from a manifest on S3.
