-- The tables of a shared database (docs/exchange.md). Made by `hotline exchange prepare-database URL`.

CREATE TABLE IF NOT EXISTS exchange_inbox (
    from_system VARCHAR(63) NOT NULL,
    message_id VARCHAR(64) NOT NULL,
    to_system VARCHAR(63) NOT NULL,
    status VARCHAR(10) NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    receipt TEXT NOT NULL,
    PRIMARY KEY (from_system, message_id)
);

CREATE INDEX IF NOT EXISTS ix_exchange_inbox_from ON exchange_inbox (from_system, answered_at);

CREATE TABLE IF NOT EXISTS exchange_outbox (
    serial BIGSERIAL NOT NULL,
    from_system VARCHAR(63) NOT NULL,
    to_system VARCHAR(63) NOT NULL,
    message_id VARCHAR(64) NOT NULL,
    kind VARCHAR(20) NOT NULL,
    case_system VARCHAR(63) NOT NULL,
    case_number VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (serial),
    CONSTRAINT uq_exchange_outbox_message UNIQUE (from_system, message_id)
);

CREATE INDEX IF NOT EXISTS ix_exchange_outbox_to ON exchange_outbox (to_system, serial);
