BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'active_cnn','m001_campaigns','2026-11-25 00:18:40.636304+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'active_cnn','m002_iterations_and_jobs','2026-11-25 00:18:40.637174+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'active_cnn','m003_queries_and_answers','2026-11-25 00:18:40.638154+00:00');
CREATE TABLE answer (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            event TEXT NOT NULL UNIQUE,
            campaign TEXT NOT NULL,
            query INTEGER NOT NULL,
            identifier TEXT NOT NULL,
            answer TEXT,
            note TEXT NOT NULL DEFAULT '',
            oracle TEXT NOT NULL,
            at TEXT NOT NULL,
            FOREIGN KEY (query, identifier) REFERENCES query_item(query, identifier),
            FOREIGN KEY (campaign, answer) REFERENCES oracle_class(campaign, name)
        ) STRICT
        ;
INSERT INTO "answer" VALUES(1,'event-0','small',1,'spec-55959-SIM_094N27_V1_sp01-150.fits','emission','=1+1 <b>','ann','2026-11-25T00:18:41.812+00:00');
INSERT INTO "answer" VALUES(2,'event-1','small',1,'spec-55959-SIM_094N27_V1_sp01-182.fits','noise','','ann','2026-11-25T00:18:41.813+00:00');
INSERT INTO "answer" VALUES(3,'event-2','small',1,'spec-55959-SIM_094N27_V1_sp01-038.fits',NULL,'','ann','2026-11-25T00:18:41.814+00:00');
INSERT INTO "answer" VALUES(4,'event-3','small',1,'spec-55959-SIM_094N27_V1_sp01-096.fits','unsure','','ann','2026-11-25T00:18:41.815+00:00');
INSERT INTO "answer" VALUES(5,'event-5','small',1,'spec-55959-SIM_094N27_V1_sp01-150.fits','double-peak','','bob','2026-11-25T00:18:41.816+00:00');
CREATE TABLE campaign (
            name TEXT PRIMARY KEY,
            created_at TEXT NOT NULL,
            grid_start REAL NOT NULL,
            grid_end REAL NOT NULL,
            grid_n INTEGER NOT NULL,
            training_path TEXT NOT NULL,
            training_sha256 TEXT NOT NULL,
            pool_path TEXT NOT NULL,
            pool_fingerprint TEXT NOT NULL,
            seed INTEGER NOT NULL
        ) STRICT
        ;
INSERT INTO "campaign" VALUES('small','2026-11-25T00:18:41.750+00:00',6519.0,6732.0,140,'survey/training.csv','b5f30d05d35118518c759d308d03c47e88ba0e1f0ebaba9f7876bedad83dffae','survey/pool.h5','3f40fbc7b5317978e53b507f83b9079637d5674851ad426562834d2f9b934cd9',1);
CREATE TABLE iteration (
            campaign TEXT NOT NULL REFERENCES campaign(name),
            number INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            answers_through INTEGER NOT NULL,
            created_at TEXT NOT NULL,
            scored_at TEXT,
            closed_at TEXT,
            job INTEGER,
            result TEXT,
            PRIMARY KEY (campaign, number)
        ) STRICT
        ;
INSERT INTO "iteration" VALUES('small',0,1,0,'2026-11-25T00:18:41.769+00:00','2026-11-25T00:18:41.792+00:00',NULL,1,'{"settings": {"network": "paper", "min_delta": 0.001, "patience": 10, "max_epochs": 1000, "batch_size": 64, "holdout": 0.1, "balance": true, "seed": 1}, "network_file": "network-1.keras", "network_sha256": "39c102a40e6b0abd71a5f2caee4658193276085e7e08b86fee0011db28f64bc4", "predictions_file": "predictions-1.h5", "predictions_sha256": "667a0184f330449e104f97a81056ae62649d8d1319c246aa8430792a69af7146", "training_sha256": "60ac498db8e18716d632afb8cba202ac64799fd39bcc97f07e848ff284b55383", "pool_fingerprint": "3f40fbc7b5317978e53b507f83b9079637d5674851ad426562834d2f9b934cd9", "n_training": 60, "counts_before": {"not-interesting": 28, "emission": 25, "double-peak": 7}, "counts_after": {"not-interesting": 28, "emission": 28, "double-peak": 28}, "history": {"loss": [0.93, 0.7309207047642644, 0.5758775937413702, 0.45512989746691324, 0.3610914970542981, 0.2878543171741711, 0.23081714413358684, 0.18639654910540063, 0.15180175491295145, 0.1248593021056779, 0.10387649876150892, 0.0875350750860368], "val_loss": [1.1360000000000001, 0.8971048457171172, 0.7110531124896442, 0.5661558769602959, 0.45330979646515773, 0.3654251806090053, 0.2969805729603042, 0.24367585892648075, 0.20216210589554173, 0.16983116252681346, 0.1446517985138107, 0.12504209010324416]}, "validation": {"n": 60, "confusion": [[28, 0, 0], [3, 19, 3], [0, 0, 7]]}, "predicted_counts": {"not-interesting": 169, "emission": 17, "double-peak": 14}, "notices": ["The rule needs no training."], "device": "CPU (line-depth rule)", "versions": {"python": "3"}, "seconds": {"training": 61.0, "predicting": 2.0}}');
CREATE TABLE job (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            campaign TEXT NOT NULL,
            iteration INTEGER NOT NULL,
            settings TEXT NOT NULL,
            state TEXT NOT NULL,
            created_at TEXT NOT NULL,
            started_at TEXT,
            finished_at TEXT,
            heartbeat_at TEXT,
            host TEXT NOT NULL DEFAULT '',
            pid INTEGER,
            pid_started REAL,
            phase TEXT NOT NULL DEFAULT '',
            done INTEGER NOT NULL DEFAULT 0,
            total INTEGER NOT NULL DEFAULT 0,
            details TEXT NOT NULL DEFAULT '{}',
            is_cancel_requested INTEGER NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            FOREIGN KEY (campaign, iteration) REFERENCES iteration(campaign, number)
        ) STRICT
        ;
INSERT INTO "job" VALUES(1,'small',0,'{"network": "paper", "min_delta": 0.001, "patience": 10, "max_epochs": 1000, "batch_size": 64, "holdout": 0.1, "balance": true, "seed": 1}','succeeded','2026-11-25T00:18:41.770+00:00','2026-11-25T00:18:41.771+00:00','2026-11-25T00:18:41.792+00:00','2026-11-25T00:18:41.792+00:00','',NULL,NULL,'',0,0,'{}',0,'');
CREATE TABLE line (
            campaign TEXT NOT NULL REFERENCES campaign(name),
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            wavelength REAL NOT NULL,
            PRIMARY KEY (campaign, name)
        ) STRICT
        ;
INSERT INTO "line" VALUES('small',0,'Hα',6564.614);
INSERT INTO "line" VALUES('small',1,'He I 6678',6679.995);
CREATE TABLE oracle_class (
            campaign TEXT NOT NULL REFERENCES campaign(name),
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            key TEXT NOT NULL,
            network_class TEXT,
            is_target INTEGER NOT NULL,
            PRIMARY KEY (campaign, name)
        ) STRICT
        ;
INSERT INTO "oracle_class" VALUES('small',0,'absorption','a','not-interesting',0);
INSERT INTO "oracle_class" VALUES('small',1,'emission','e','emission',1);
INSERT INTO "oracle_class" VALUES('small',2,'double-peak','d','double-peak',1);
INSERT INTO "oracle_class" VALUES('small',3,'noise','n','not-interesting',0);
INSERT INTO "oracle_class" VALUES('small',4,'artefact','x','not-interesting',0);
INSERT INTO "oracle_class" VALUES('small',5,'unsure','u',NULL,0);
CREATE TABLE query (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            campaign TEXT NOT NULL,
            iteration INTEGER NOT NULL,
            job INTEGER NOT NULL REFERENCES job(number),
            purpose TEXT NOT NULL,
            strategy TEXT NOT NULL,
            size INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            created_at TEXT NOT NULL,
            notice TEXT NOT NULL DEFAULT '',
            FOREIGN KEY (campaign, iteration) REFERENCES iteration(campaign, number)
        ) STRICT
        ;
INSERT INTO "query" VALUES(1,'small',0,1,'relabel','entropy',5,1,'2026-11-25T00:18:41.809+00:00','');
CREATE TABLE query_item (
            query INTEGER NOT NULL REFERENCES query(number),
            position INTEGER NOT NULL,
            identifier TEXT NOT NULL,
            predicted TEXT NOT NULL,
            probabilities TEXT NOT NULL,
            score REAL,
            PRIMARY KEY (query, identifier)
        ) STRICT
        ;
INSERT INTO "query_item" VALUES(1,0,'spec-55959-SIM_094N27_V1_sp01-150.fits','emission','[0.14802226424217224, 0.5425384044647217, 0.30943936109542847]',9.77511167526245117187e-01);
INSERT INTO "query_item" VALUES(1,1,'spec-55959-SIM_094N27_V1_sp01-182.fits','double-peak','[0.11329483240842819, 0.2039877027273178, 0.6827174425125122]',8.31583142280578613281e-01);
INSERT INTO "query_item" VALUES(1,2,'spec-55959-SIM_094N27_V1_sp01-038.fits','emission','[0.1411246657371521, 0.6947696805000305, 0.16410565376281738]',0.825934648513794);
INSERT INTO "query_item" VALUES(1,3,'spec-55959-SIM_094N27_V1_sp01-096.fits','double-peak','[0.3969493508338928, 0.02252550795674324, 0.5805251598358154]',7.67904102802276611328e-01);
INSERT INTO "query_item" VALUES(1,4,'spec-55959-SIM_094N27_V1_sp01-104.fits','not-interesting','[0.760331392288208, 0.1587938517332077, 0.08087476342916489]',7.03923940658569335937e-01);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX one_active_job ON job(campaign) WHERE state IN ('queued', 'running');
CREATE INDEX answer_of_spectrum ON answer(campaign, identifier, sequence);
CREATE TRIGGER answers_are_kept_on_update BEFORE UPDATE ON answer
            BEGIN SELECT RAISE(ABORT, 'answers are only ever added'); END;
CREATE TRIGGER answers_are_kept_on_delete BEFORE DELETE ON answer
            BEGIN SELECT RAISE(ABORT, 'answers are only ever added'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('job',1);
INSERT INTO "sqlite_sequence" VALUES('query',1);
INSERT INTO "sqlite_sequence" VALUES('answer',5);
COMMIT;
