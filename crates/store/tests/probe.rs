//! throw-away
use store::Store; use std::path::Path; use sea_orm::{Database, ConnectionTrait};
use domain::ids::*; use domain::ventures::*;
fn v(o: OwnerId) -> Venture { Venture{id:VentureId::new(),owner:o,created:chrono::Utc::now(),brief:Brief::parse(&RawBrief{idea:"beeswax candles ".repeat(20),..Default::default()}).unwrap()} }
#[tokio::test(flavor="multi_thread")]
async fn probe() {
    println!("tiny: {:?}", Store::open(Path::new("/tmp/tiny/d")).await.map(drop));
    println!("ro: {:?}", Store::open(Path::new("/tmp/ro/d")).await.map(drop));
    println!("ro existing: {:?}", Store::open(Path::new("/tmp/ro/e")).await.map(drop));
    println!("proc: {:?}", Store::open(Path::new("/proc/x")).await.map(drop));
    if let Ok(s) = Store::open(Path::new("/tmp/mid")).await {
        let o = OwnerId::new();
        for i in 0..100000 { let tx = match s.tenant(o).await {Ok(t)=>t,Err(e)=>{println!("begin {i} {e:?}");break}}; if let Err(e)=tx.insert_venture(&v(o)).await {println!("ins {i} {e:?}");break} if let Err(e)=tx.commit().await {println!("commit {i} {e:?}");break} }
        println!("read after full: {:?}", s.tenant_read(o).await.unwrap().ventures(1,None).await.map(|v|v.len()));
    }
    let d = tempfile::tempdir().unwrap();
    let s = Store::open(d.path()).await.unwrap();
    let o = OwnerId::new();
    let raw = Database::connect({let mut c = sea_orm::ConnectOptions::new(format!("sqlite://{}/planner.db", d.path().display())); c.max_connections(1); c}).await.unwrap();
    let tx = s.tenant(o).await.unwrap(); let ve=v(o); tx.insert_venture(&ve).await.unwrap();
    tx.insert_run(&store::Run{id:RunId::new(),owner:o,venture:ve.id,sections:vec![],created:ve.created,state:domain::runs::VentureRun::Running{since:ve.created}}).await.unwrap(); tx.commit().await.unwrap();
    raw.execute_unprepared("UPDATE runs SET sections='not json'").await.unwrap();
    println!("bad json: {:?}", s.tenant_read(o).await.unwrap().latest_run(ve.id).await);
    raw.execute_unprepared("UPDATE ventures SET created_at='yesterday'").await.unwrap();
    println!("bad time: {:?}", s.tenant_read(o).await.unwrap().venture(ve.id).await);
    raw.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
    let t=std::time::Instant::now();
    println!("locked tenant: {:?} {:?}", s.tenant(o).await.map(drop), t.elapsed());
    println!("locked open: {:?} {:?}", Store::open(d.path()).await.map(drop), t.elapsed());
    raw.execute_unprepared("ROLLBACK").await.unwrap();
    println!("after: {:?}", s.tenant(o).await.map(drop));
    let e = s.tenant(o).await.unwrap(); let t=std::time::Instant::now();
    println!("double: {:?} {:?}", s.tenant(o).await.map(drop), t.elapsed()); drop(e);
    // truncated db
    let d = tempfile::tempdir().unwrap(); drop(Store::open(d.path()).await.unwrap()); 
    let f=d.path().join("planner.db"); let _=std::fs::remove_file(d.path().join("planner.db-wal")); let n=std::fs::metadata(&f).unwrap().len(); println!("size {n}"); std::fs::OpenOptions::new().write(true).open(&f).unwrap().set_len(n/2).unwrap();
    println!("truncated: {:?}", Store::open(d.path()).await.map(drop));
}
