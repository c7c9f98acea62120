//! The Redis side: the only place that names `redis_module` or is `unsafe`.
//!
//! A server loads the module through [`load::RedisModule_OnLoad`]. Each command comes in through
//! [`dispatch`], which opens the key, runs the engine's command on the table there, and carries
//! its effects away. What a server lacks is found out at load and done another way.

mod allocator;
mod command_info;
mod context;
mod data_type;
mod dispatch;
mod expiry;
mod guard;
mod info;
mod key;
mod load;
mod replicate;
mod reply;
mod settings;
