//! What a verb works with.

use std::cell::OnceCell;

use crate::{
    args::Global,
    config::{Address, Environment, nearest},
    error::{Error, Result},
    output::Output,
    server::Server,
};

/// What a verb works with: the flags, the configuration, the servers and the output.
#[derive(Debug)]
pub struct Context {
    /// The flags that all verbs take.
    pub global: Global,
    /// Where answers go.
    pub output: Output,
    environment: OnceCell<Environment>,
}

impl Context {
    /// A context of these flags; the configuration is read when it is first asked for.
    pub fn new(global: Global, output: Output) -> Context {
        Context {
            global,
            output,
            environment: OnceCell::new(),
        }
    }

    /// The environment.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn environment(&self) -> Result<&Environment> {
        if let Some(environment) = self.environment.get() {
            return Ok(environment);
        }
        let environment = Environment::load(&self.global)?;
        Ok(self.environment.get_or_init(|| environment))
    }

    /// The places of the environment's servers, or of the one that `--server` names.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn addresses(&self) -> Result<Vec<&Address>> {
        let environment = self.environment()?;
        let Some(wanted) = &self.global.server else {
            return Ok(environment.servers.iter().collect());
        };
        let names = || {
            environment
                .servers
                .iter()
                .map(|server| server.name.as_str())
        };
        match environment
            .servers
            .iter()
            .find(|server| server.name == *wanted)
        {
            Some(server) => Ok(vec![server]),
            None => Err(Error::usage(match nearest(wanted, names()) {
                Some(near) => format!("there is no server '{wanted}'; did you mean '{near}'?"),
                None => format!(
                    "there is no server '{wanted}' in environment '{}', which has {}",
                    environment.name,
                    names().collect::<Vec<_>>().join(", ")
                ),
            })),
        }
    }

    /// Connections to all servers of the environment, or to the one that `--server` names.
    ///
    /// # Errors
    /// Where one of them cannot be reached.
    pub fn servers(&self) -> Result<Vec<Server>> {
        let timeout = self.environment()?.timeout;
        let addresses = self.addresses()?;
        addresses
            .into_iter()
            .map(|address| Server::connect(address, timeout))
            .collect()
    }

    /// A connection to the only server, or to the one that `--server` names.
    ///
    /// # Errors
    /// Where there are several and none is named, or where it cannot be reached.
    pub fn server(&self) -> Result<Server> {
        let addresses = self.addresses()?;
        match addresses.as_slice() {
            [address] => Server::connect(address, self.environment()?.timeout),
            several => {
                let names: Vec<&str> = several.iter().map(|server| server.name.as_str()).collect();
                Err(Error::usage(format!(
                    "expected one server, found several; name one with --server: {}",
                    names.join(", ")
                )))
            }
        }
    }
}
