// Where drizzle-kit finds the tables and puts the SQL: `npx drizzle-kit generate`.
import { defineConfig } from 'drizzle-kit'

export default defineConfig({ dialect: 'postgresql', schema: './server/db/schema/*.ts', out: './migrations' })
