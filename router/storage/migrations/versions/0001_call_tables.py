"""The call records: calls, parties, transfers, recordings, pages, seats, and what the consumers have handled.

Revision: 0001, the first one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("centre", sa.String(), nullable=False),
        sa.Column("called", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=True),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waited", sa.Double(), nullable=True),
        sa.Column("end_cause", sa.String(), nullable=False),
        sa.Column("overflowed_to", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("sip_call_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
    )
    op.create_index(op.f("ix_call_after"), "call", ["after"])
    op.create_index(op.f("ix_call_caller_started_at"), "call", ["caller", "started_at"])
    op.create_index(op.f("ix_call_case_id"), "call", ["case_id"])
    op.create_index(op.f("ix_call_centre_started_at"), "call", ["centre", "started_at"])
    op.create_index(op.f("ix_call_started_at"), "call", ["started_at"])
    op.create_table(
        "call_note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_note")),
    )
    op.create_index(op.f("ix_call_note_call_id_at"), "call_note", ["call_id", "at"])
    op.create_table(
        "consumed_event",
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("consumed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name=op.f("pk_consumed_event")),
    )
    op.create_index(op.f("ix_consumed_event_consumed_at"), "consumed_event", ["consumed_at"])
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    op.create_index(op.f("ix_dead_letter_at"), "dead_letter", ["at"])
    op.create_table(
        "page",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("digit", sa.String(), nullable=False),
        sa.Column("rang_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page")),
    )
    op.create_index(op.f("ix_page_call_id"), "page", ["call_id"])
    op.create_index(op.f("ix_page_ended_at"), "page", ["ended_at"])
    op.create_table(
        "party",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("seat", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("centre", sa.String(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_seconds", sa.Double(), nullable=False),
        sa.Column("end_cause", sa.String(), nullable=False),
        sa.Column("sip_code", sa.Integer(), nullable=False),
        sa.Column("via_transfer", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
    )
    op.create_index(op.f("ix_party_call_id"), "party", ["call_id"])
    op.create_index(op.f("ix_party_seat_invited_at"), "party", ["seat", "invited_at"])
    op.create_table(
        "recording",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("repaired", sa.Boolean(), nullable=False),
        sa.Column("caller_silent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
    )
    op.create_index(op.f("ix_recording_call_id"), "recording", ["call_id"])
    op.create_table(
        "seat_change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("seat", sa.String(), nullable=False),
        sa.Column("centre", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_change")),
    )
    op.create_index(op.f("ix_seat_change_seat_at"), "seat_change", ["seat", "at"])
    op.create_table(
        "transfer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dangerous", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("asker", sa.String(), nullable=False),
        sa.Column("asker_seat", sa.String(), nullable=False),
        sa.Column("from_centre", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("to_centre", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("asker_left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("went_back_to", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index(op.f("ix_transfer_call_id"), "transfer", ["call_id"])
    op.create_index(op.f("ix_transfer_started_at"), "transfer", ["started_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_transfer_started_at"), table_name="transfer")
    op.drop_index(op.f("ix_transfer_call_id"), table_name="transfer")
    op.drop_table("transfer")
    op.drop_index(op.f("ix_seat_change_seat_at"), table_name="seat_change")
    op.drop_table("seat_change")
    op.drop_index(op.f("ix_recording_call_id"), table_name="recording")
    op.drop_table("recording")
    op.drop_index(op.f("ix_party_seat_invited_at"), table_name="party")
    op.drop_index(op.f("ix_party_call_id"), table_name="party")
    op.drop_table("party")
    op.drop_index(op.f("ix_page_ended_at"), table_name="page")
    op.drop_index(op.f("ix_page_call_id"), table_name="page")
    op.drop_table("page")
    op.drop_index(op.f("ix_dead_letter_at"), table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_index(op.f("ix_consumed_event_consumed_at"), table_name="consumed_event")
    op.drop_table("consumed_event")
    op.drop_index(op.f("ix_call_note_call_id_at"), table_name="call_note")
    op.drop_table("call_note")
    op.drop_index(op.f("ix_call_started_at"), table_name="call")
    op.drop_index(op.f("ix_call_centre_started_at"), table_name="call")
    op.drop_index(op.f("ix_call_case_id"), table_name="call")
    op.drop_index(op.f("ix_call_caller_started_at"), table_name="call")
    op.drop_index(op.f("ix_call_after"), table_name="call")
    op.drop_table("call")
