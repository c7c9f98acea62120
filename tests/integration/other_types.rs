//! Tables beside keys of other types: each refuses the commands of the other.

use crate::{
    able::{STREAMS, able, needs},
    keys::table,
    server::fresh,
};

#[test]
fn commands_of_other_types_refuse_a_table_and_leave_it() {
    needs!(MULTI_POPS);
    let mut client = fresh();
    table(&mut client);
    client.ok("RPUSH list 1");
    let before = client.ok("DUMP t");
    for line in [
        "GET t",
        "GETDEL t",
        "GETEX t",
        "GETRANGE t 0 1",
        "STRLEN t",
        "APPEND t x",
        "INCR t",
        "INCRBYFLOAT t 1",
        "SETRANGE t 0 x",
        "GETSET t x",
        "SET t x GET",
        "GETBIT t 0",
        "SETBIT t 0 1",
        "BITCOUNT t",
        "BITPOS t 1",
        "BITFIELD t GET u8 0",
        "BITOP NOT other t",
        "HSET t f v",
        "HGET t f",
        "HGETALL t",
        "HSCAN t 0",
        "HINCRBY t f 1",
        "LPUSH t x",
        "LPUSHX t x",
        "LPOP t",
        "LRANGE t 0 -1",
        "LMOVE t list LEFT LEFT",
        "LMOVE list t LEFT LEFT",
        "LMPOP 1 t LEFT",
        "BLPOP t 1",
        "SADD t x",
        "SMEMBERS t",
        "SINTER t t",
        "SINTERCARD 1 t",
        "SUNIONSTORE other t",
        "SSCAN t 0",
        "ZADD t 1 x",
        "ZRANGE t 0 -1",
        "ZUNION 1 t",
        "ZUNIONSTORE other 1 t",
        "ZRANGESTORE other t 0 -1",
        "BZPOPMIN t 1",
        "ZSCAN t 0",
        "XADD t * f v",
        "XLEN t",
        "XRANGE t - +",
        "XREAD STREAMS t 0",
        "XGROUP CREATE t g 0 MKSTREAM",
        "PFADD t x",
        "PFCOUNT t",
        "PFMERGE other t",
        "GEOADD t 1 1 x",
        "GEOPOS t x",
        "GEOSEARCHSTORE other t FROMLONLAT 0 0 BYRADIUS 1 m",
        "SORT t",
        "SORT_RO t",
    ] {
        assert_eq!(client.run(line).code(), "WRONGTYPE", "{line}");
        assert_eq!(client.ok("DUMP t"), before, "{line}");
    }
    assert_eq!(client.ok("MGET t").print(), "1) (nil)");
    assert_eq!(
        client.ok("SORT list BY t GET t GET t->n").print(),
        "1) (nil)\n2) (nil)"
    );
    assert_eq!(client.count("EXISTS other"), 0);
}

#[test]
fn commands_on_tables_refuse_every_other_type() {
    let mut client = fresh();
    for line in [
        "SET string v",
        "RPUSH list v",
        "SADD set v",
        "ZADD zset 1 v",
        "HSET hash f v",
        "PFADD log v",
    ] {
        client.ok(line);
    }
    let mut keys = vec!["string", "list", "set", "zset", "hash", "log"];
    if able(STREAMS) {
        client.ok("XADD stream * f v");
        keys.push("stream");
    }
    for key in keys {
        let before = client.ok(&format!("DUMP {key}"));
        for line in [
            "YARR.CREATE {} n 1",
            "YARR.FIND {} 1",
            "YARR.WHERE {} *",
            "YARR.AGGREGATE {} * COUNT",
            "YARR.UPDATE {} 1 SET n 1",
            "YARR.DEL {} 1",
            "YARR.MIGRATE {} UP 1 make ADD FIELD n INTEGER",
            "YARR.MIGRATE {} DOWN 1",
            "YARR.SCHEMA {}",
            "YARR.SCHEMA {} CHECK UP 1 make ADD FIELD n INTEGER",
            "YARR.EXPLAIN {} WHERE *",
            "YARR.INFO {}",
            "YARR.APPLY {} x",
        ] {
            let line = line.replace("{}", key);
            assert_eq!(client.run(&line).code(), "WRONGTYPE", "{line}");
        }
        assert_eq!(client.ok(&format!("DUMP {key}")), before);
    }
}

#[test]
fn what_stores_its_result_may_take_a_tables_place() {
    needs!(GEOSEARCHSTORE);
    for line in [
        "SET t v",
        "MSET t v",
        "SUNIONSTORE t set",
        "ZUNIONSTORE t 1 set",
        "BITOP NOT t string",
        "SORT list STORE t",
        "GEOSEARCHSTORE t geo FROMLONLAT 1 1 BYRADIUS 1 m",
    ] {
        let mut client = fresh();
        table(&mut client);
        client.ok("YARR.CREATE t n 1 PX 1");
        client.ok("SADD set x");
        client.ok("SET string x");
        client.ok("RPUSH list 1");
        client.ok("GEOADD geo 1 1 x");
        client.ok(line);
        assert_eq!(client.run("YARR.FIND t 1").code(), "WRONGTYPE", "{line}");
        client.ok("DEL t");
        table(&mut client);
        assert_eq!(client.count("YARR.WHERE t n >= 1 COUNT"), 2, "{line}");
    }
}
