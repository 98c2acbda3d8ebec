-- Who may do what. Secrets are 256 random bits, so their plain SHA-256 is as good as a slow hash, and it can be indexed.

CREATE TABLE links.api_keys (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key_hash bytea NOT NULL UNIQUE,
  name text NOT NULL UNIQUE,
  role text NOT NULL CHECK (role IN ('admin', 'editor', 'reader')),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz
);

-- Exchanged once for a session, within minutes.
CREATE TABLE links.login_tokens (
  token_hash bytea PRIMARY KEY,
  role text NOT NULL CHECK (role IN ('admin', 'editor', 'reader')),
  subject text NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE TABLE links.sessions (
  session_hash bytea PRIMARY KEY,
  role text NOT NULL CHECK (role IN ('admin', 'editor', 'reader')),
  subject text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
