//! What targets that speak SQL share: the session, the ledger of states, and the transaction of an import.
