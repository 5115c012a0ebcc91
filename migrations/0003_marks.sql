CREATE TABLE "marks" (
	"name" text PRIMARY KEY NOT NULL,
	"at" bigint NOT NULL
);
