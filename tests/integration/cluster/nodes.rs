//! A cluster on this machine, and a client that goes where it is sent.

use std::collections::{HashMap, hash_map::Entry};

use crate::{
    cli::Client,
    line::split,
    reply::Reply,
    server::{Options, Server, eventually},
};

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// Nodes that share the slots, in order, and the replicas behind them.
pub struct Cluster {
    /// Primaries first.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// So many primaries with equal shares, the first of which has so many replicas.
    #[track_caller]
    pub fn start(primaries: u16, replicas: u16) -> Cluster {
        let options = Options::new()
            .set("databases", "1")
            .set("cluster-enabled", "yes")
            .set("cluster-node-timeout", "5000")
            // By this name every server knows it.
            .set("cluster-slave-validity-factor", "0")
            .appendonly(false);
        let nodes: Vec<Server> = (0..primaries + replicas)
            .map(|_| options.clone().start())
            .collect();
        let cluster = Cluster { nodes };
        let mut first = cluster.client(0);
        for (place, node) in cluster.nodes.iter().enumerate().skip(1) {
            // Only a node that knows no other may be given an epoch.
            cluster
                .client(place)
                .ok(&format!("CLUSTER SET-CONFIG-EPOCH {}", place + 1));
            first.ok(&format!("CLUSTER MEET 127.0.0.1 {}", node.port));
        }
        for place in 0..primaries {
            let (start, end) = (
                SLOTS / primaries * place,
                SLOTS / primaries * (place + 1) - 1,
            );
            let end = if place + 1 == primaries {
                SLOTS - 1
            } else {
                end
            };
            let slots: Vec<String> = (start..=end).map(|slot| slot.to_string()).collect();
            cluster
                .client(place.into())
                .ok(&format!("CLUSTER ADDSLOTS {}", slots.join(" ")));
        }
        let id = cluster.id(0);
        for place in primaries..primaries + replicas {
            let mut replica = cluster.client(place.into());
            eventually("the replica knows its primary", || {
                !replica.run(&format!("CLUSTER REPLICATE {id}")).is_error()
            });
            eventually("the replica follows", || {
                replica
                    .ok("INFO replication")
                    .text()
                    .contains("master_link_status:up")
            });
        }
        cluster.wait_until_agreed();
        cluster
    }

    /// Waits until every node says that the cluster is up, and all see the same owners, of the same epochs.
    #[track_caller]
    pub fn wait_until_agreed(&self) {
        eventually("the cluster is up and of one mind", || {
            let views: Vec<Vec<String>> = (0..self.nodes.len())
                .filter_map(|place| self.view(place))
                .collect();
            views.len() == self.nodes.len() && views.windows(2).all(|pair| pair[0] == pair[1])
        });
    }

    /// The slots and epoch of each primary as a node sees them, if the cluster is up for it.
    fn view(&self, place: usize) -> Option<Vec<String>> {
        let mut client = self.client(place);
        let info = client.ok("CLUSTER INFO").text();
        let known = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        if !info.contains("cluster_state:ok") || !info.contains(&known) {
            return None;
        }
        let nodes = client.ok("CLUSTER NODES").text();
        let mut lines: Vec<String> = nodes
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                let role = words[2].replace("myself,", "");
                let slots = words.get(8..).unwrap_or_default().join(" ");
                // A slot that moves before its new owner knows the highest epoch may be claimed by the old one for ever.
                // Of a replica's epoch servers before 7 are of two minds; it owns no slots.
                let epoch = if role == "master" { words[6] } else { "-" };
                format!("{} {role} {} {epoch} {slots}", words[0], words[3])
            })
            .collect();
        lines.sort();
        Some(lines)
    }

    /// A connection to one node.
    #[track_caller]
    pub fn client(&self, place: usize) -> Client {
        self.nodes[place].connect()
    }

    /// A node's name.
    pub fn id(&self, place: usize) -> String {
        self.client(place).ok("CLUSTER MYID").text()
    }

    /// A client of the whole cluster.
    pub fn guest(&self) -> Guest {
        Guest {
            port: self.nodes[0].port,
            clients: HashMap::new(),
        }
    }
}

/// A client that goes where it is sent, and stays there.
pub struct Guest {
    port: u16,
    clients: HashMap<u16, Client>,
}

impl Guest {
    /// Types a command line, wherever it is served.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> Reply {
        let words = split(line).expect("balanced quotes");
        let (mut port, mut asking) = (self.port, false);
        let mut answer = None;
        eventually(&format!("an answer to {line}"), || {
            let Some(client) = self.client(port) else {
                return false;
            };
            if asking {
                client.ok("ASKING");
            }
            let reply = match client.try_send(&words) {
                Ok(reply) => reply,
                Err(error) => panic!("a node went away at {line}: {error}"),
            };
            asking = reply.code() == "ASK";
            match reply.code().as_str() {
                "ASK" | "MOVED" => {
                    let text = reply.text();
                    let target = text.rsplit(':').next().and_then(|port| port.parse().ok());
                    port = target.unwrap_or_else(|| panic!("no port in {text}"));
                    if !asking {
                        self.port = port;
                    }
                }
                "CLUSTERDOWN" | "TRYAGAIN" => {}
                _ => answer = Some(reply),
            }
            answer.is_some()
        });
        answer.unwrap_or(Reply::Null)
    }

    /// Types a command line that must not fail.
    #[track_caller]
    pub fn ok(&mut self, line: &str) -> Reply {
        let reply = self.run(line);
        assert!(!reply.is_error(), "{line}\n{}", reply.print());
        reply
    }

    fn client(&mut self, port: u16) -> Option<&mut Client> {
        match self.clients.entry(port) {
            Entry::Occupied(client) => Some(client.into_mut()),
            Entry::Vacant(place) => Some(place.insert(Client::connect(port).ok()?)),
        }
    }
}
