CREATE TABLE "alerts" (
	"fingerprint" text NOT NULL,
	"file" text NOT NULL,
	"rule_group" text NOT NULL,
	"rule" text NOT NULL,
	"expression" text NOT NULL,
	"labels" jsonb NOT NULL,
	"annotations" jsonb NOT NULL,
	"state" text NOT NULL,
	"value" double precision,
	"active_at" bigint NOT NULL,
	"fired_at" bigint,
	"resolved_at" bigint,
	"keep_firing_since" bigint,
	"episode" text NOT NULL,
	"changed_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	CONSTRAINT "alerts_fingerprint_episode_file_rule_group_rule_pk" PRIMARY KEY("fingerprint","episode","file","rule_group","rule")
);
--> statement-breakpoint
CREATE INDEX "alerts_state" ON "alerts" USING btree ("state","resolved_at");