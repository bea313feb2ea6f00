"""linkage tables

Revision: 0003, after: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "drill",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("script", sa.String(), nullable=True),
        sa.Column("plan_version", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=True),
        sa.Column("score", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill")),
    )
    with op.batch_alter_table("drill", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_drill_city_created_at"), ["city", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_drill_plan_version"), ["plan_version"], unique=False)

    op.create_table(
        "duty_post",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("divisions", sa.JSON(), nullable=False),
        sa.Column("main", sa.Text(), nullable=False),
        sa.Column("reserve", sa.Text(), nullable=True),
        sa.Column("sms", sa.Text(), nullable=True),
        sa.Column("leader", sa.String(), nullable=True),
        sa.Column("fallback", sa.String(), nullable=True),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_post")),
    )
    with op.batch_alter_table("duty_post", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_post_city_active"), ["city", "active"], unique=False)
        batch_op.create_index(batch_op.f("ix_duty_post_unit"), ["unit"], unique=False)

    op.create_table(
        "emergency_event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("level_proposed", sa.Integer(), nullable=True),
        sa.Column("level_reason", sa.Text(), nullable=True),
        sa.Column("response", sa.Integer(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("sensitive", sa.JSON(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("division", sa.String(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("radius", sa.Double(), nullable=True),
        sa.Column("situation", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("centre", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("drill_id", sa.String(), nullable=True),
        sa.Column("plan_version", sa.String(), nullable=True),
        sa.Column("plan", sa.JSON(), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency_event")),
        sa.UniqueConstraint("number", name=op.f("uq_emergency_event_number")),
    )
    with op.batch_alter_table("emergency_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_emergency_event_city_state_registered_at"), ["city", "state", "registered_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_emergency_event_drill_id"), ["drill_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_emergency_event_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_emergency_event_registered_at_id"), ["registered_at", "id"], unique=False)

    op.create_table(
        "plan_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("filing_number", sa.String(), nullable=False),
        sa.Column("review_by", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_version")),
        sa.UniqueConstraint("city", "plan", "serial", name=op.f("uq_plan_version_city_plan_serial")),
    )
    with op.batch_alter_table("plan_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_version_city_retired_at"), ["city", "retired_at"], unique=False)

    op.create_table(
        "reinforcement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("centre", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("seats", sa.JSON(), nullable=False),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("measured", sa.JSON(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reinforcement")),
    )
    with op.batch_alter_table("reinforcement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reinforcement_centre_state"), ["centre", "state"], unique=False)

    op.create_table(
        "resource",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sort", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("division", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("measure", sa.String(), nullable=True),
        sa.Column("least", sa.Double(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
        sa.UniqueConstraint("city", "kind", "code", name=op.f("uq_resource_city_kind_code")),
    )
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_resource_city_kind_active"), ["city", "kind", "active"], unique=False)

    op.create_table(
        "duty_rotation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("contacts", sa.JSON(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("handovers", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["duty_post.id"], name=op.f("fk_duty_rotation_post_id_duty_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_rotation")),
    )
    with op.batch_alter_table("duty_rotation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_rotation_post_id"), ["post_id"], unique=False)

    op.create_table(
        "duty_shift",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("swap_id", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["duty_post.id"], name=op.f("fk_duty_shift_post_id_duty_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shift")),
    )
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_shift_post_id_until"), ["post_id", "until"], unique=False)
        batch_op.create_index(batch_op.f("ix_duty_shift_swap_id"), ["swap_id"], unique=False)

    op.create_table(
        "duty_test",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("waited", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["duty_post.id"], name=op.f("fk_duty_test_post_id_duty_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_test")),
    )
    with op.batch_alter_table("duty_test", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_test_month"), ["month"], unique=False)
        batch_op.create_index(batch_op.f("ix_duty_test_post_id_due_at"), ["post_id", "due_at"], unique=False)

    op.create_table(
        "event_call",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_event_call_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("event_id", "call_id", name=op.f("pk_event_call")),
    )
    with op.batch_alter_table("event_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_call_call_id"), ["call_id"], unique=False)

    op.create_table(
        "event_case",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_event_case_case_id_case_file")),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_event_case_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("event_id", "case_id", name=op.f("pk_event_case")),
    )
    with op.batch_alter_table("event_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_case_case_id"), ["case_id"], unique=False)

    op.create_table(
        "event_file",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=True),
        sa.Column("report_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_event_file_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_file")),
    )
    with op.batch_alter_table("event_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_file_event_id"), ["event_id"], unique=False)

    op.create_table(
        "event_review",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("conclusions", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concluded_by", sa.String(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_event_review_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_review")),
    )
    op.create_table(
        "event_step",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("approver", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_event_step_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_step")),
    )
    with op.batch_alter_table("event_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_step_event_id_at"), ["event_id", "at"], unique=False)

    op.create_table(
        "event_task",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("from_plan", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.String(), nullable=True),
        sa.Column("on_the_way_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("accuracy", sa.Double(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_event_task_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_task")),
        sa.UniqueConstraint("number", name=op.f("uq_event_task_number")),
    )
    with op.batch_alter_table("event_task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_task_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_task_unit_state_sent_at"), ["unit", "state", "sent_at"], unique=False)

    op.create_table(
        "improvement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_improvement_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_improvement")),
    )
    with op.batch_alter_table("improvement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_improvement_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_improvement_unit_state_due_on"), ["unit", "state", "due_on"], unique=False)

    op.create_table(
        "linkage_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("post_name", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rung_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.Column("accepted_via", sa.String(), nullable=True),
        sa.Column("sent_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fed_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("feedback", sa.Text(), nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("chasing", sa.String(), nullable=True),
        sa.Column("chase_after", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_linkage_request_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linkage_request")),
        sa.UniqueConstraint("event_id", "step", "post_id", name=op.f("uq_linkage_request_event_id_step_post_id")),
    )
    with op.batch_alter_table("linkage_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_linkage_request_event_id_state"), ["event_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_linkage_request_unit_state_asked_at"), ["unit", "state", "asked_at"], unique=False)

    op.create_table(
        "mutual_notice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("from_centre", sa.String(), nullable=False),
        sa.Column("to_centre", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("climbs", sa.Integer(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_mutual_notice_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mutual_notice")),
    )
    with op.batch_alter_table("mutual_notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mutual_notice_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_mutual_notice_to_centre_state"), ["to_centre", "state"], unique=False)

    op.create_table(
        "situation_report",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("phone_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phoned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phoned_by", sa.String(), nullable=True),
        sa.Column("phoned_to", sa.String(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_by", sa.String(), nullable=True),
        sa.Column("late", sa.JSON(), nullable=False),
        sa.Column("was_late", sa.Boolean(), nullable=False),
        sa.Column("receivers", sa.JSON(), nullable=False),
        sa.Column("copies", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["emergency_event.id"], name=op.f("fk_situation_report_event_id_emergency_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_situation_report")),
        sa.UniqueConstraint("number", name=op.f("uq_situation_report_number")),
    )
    with op.batch_alter_table("situation_report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_situation_report_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_situation_report_state_due_at"), ["state", "due_at"], unique=False)

    op.create_table(
        "stock_change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("left", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_stock_change_resource_id_resource")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_change")),
    )
    with op.batch_alter_table("stock_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stock_change_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_stock_change_resource_id_at"), ["resource_id", "at"], unique=False)

    op.create_table(
        "linkage_attempt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("notice_id", sa.String(), nullable=True),
        sa.Column("test_id", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("number_print", sa.String(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("page_id", sa.String(), nullable=True),
        sa.Column("call_id", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("digit", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"], ["linkage_request.id"], name=op.f("fk_linkage_attempt_request_id_linkage_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linkage_attempt")),
    )
    with op.batch_alter_table("linkage_attempt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_linkage_attempt_at_work",
            ["channel", "at"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'sent')"),
            sqlite_where=sa.text("state IN ('queued', 'sent')"),
        )
        batch_op.create_index(batch_op.f("ix_linkage_attempt_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_linkage_attempt_number_print_at"), ["number_print", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_linkage_attempt_page_id"), ["page_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_linkage_attempt_request_id"), ["request_id"], unique=False)

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("event_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("subject_id", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_notice_event_id"), ["event_id"], unique=False)

    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(), server_default="", nullable=False))


def downgrade() -> None:

    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notice_event_id"))
        batch_op.drop_column("subject_id")
        batch_op.drop_column("event_id")

    with op.batch_alter_table("linkage_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_linkage_attempt_request_id"))
        batch_op.drop_index(batch_op.f("ix_linkage_attempt_page_id"))
        batch_op.drop_index(batch_op.f("ix_linkage_attempt_number_print_at"))
        batch_op.drop_index(batch_op.f("ix_linkage_attempt_event_id"))
        batch_op.drop_index(
            "ix_linkage_attempt_at_work",
            postgresql_where=sa.text("state IN ('queued', 'sent')"),
            sqlite_where=sa.text("state IN ('queued', 'sent')"),
        )

    op.drop_table("linkage_attempt")
    with op.batch_alter_table("stock_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stock_change_resource_id_at"))
        batch_op.drop_index(batch_op.f("ix_stock_change_event_id"))

    op.drop_table("stock_change")
    with op.batch_alter_table("situation_report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_situation_report_state_due_at"))
        batch_op.drop_index(batch_op.f("ix_situation_report_event_id"))

    op.drop_table("situation_report")
    with op.batch_alter_table("mutual_notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mutual_notice_to_centre_state"))
        batch_op.drop_index(batch_op.f("ix_mutual_notice_event_id"))

    op.drop_table("mutual_notice")
    with op.batch_alter_table("linkage_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_linkage_request_unit_state_asked_at"))
        batch_op.drop_index(batch_op.f("ix_linkage_request_event_id_state"))

    op.drop_table("linkage_request")
    with op.batch_alter_table("improvement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_improvement_unit_state_due_on"))
        batch_op.drop_index(batch_op.f("ix_improvement_event_id"))

    op.drop_table("improvement")
    with op.batch_alter_table("event_task", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_task_unit_state_sent_at"))
        batch_op.drop_index(batch_op.f("ix_event_task_event_id"))

    op.drop_table("event_task")
    with op.batch_alter_table("event_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_step_event_id_at"))

    op.drop_table("event_step")
    op.drop_table("event_review")
    with op.batch_alter_table("event_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_file_event_id"))

    op.drop_table("event_file")
    with op.batch_alter_table("event_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_case_case_id"))

    op.drop_table("event_case")
    with op.batch_alter_table("event_call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_call_call_id"))

    op.drop_table("event_call")
    with op.batch_alter_table("duty_test", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_test_post_id_due_at"))
        batch_op.drop_index(batch_op.f("ix_duty_test_month"))

    op.drop_table("duty_test")
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_shift_swap_id"))
        batch_op.drop_index(batch_op.f("ix_duty_shift_post_id_until"))

    op.drop_table("duty_shift")
    with op.batch_alter_table("duty_rotation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_rotation_post_id"))

    op.drop_table("duty_rotation")
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_resource_city_kind_active"))

    op.drop_table("resource")
    with op.batch_alter_table("reinforcement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reinforcement_centre_state"))

    op.drop_table("reinforcement")
    with op.batch_alter_table("plan_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plan_version_city_retired_at"))

    op.drop_table("plan_version")
    with op.batch_alter_table("emergency_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_emergency_event_registered_at_id"))
        batch_op.drop_index(batch_op.f("ix_emergency_event_parent_id"))
        batch_op.drop_index(batch_op.f("ix_emergency_event_drill_id"))
        batch_op.drop_index(batch_op.f("ix_emergency_event_city_state_registered_at"))

    op.drop_table("emergency_event")
    with op.batch_alter_table("duty_post", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_post_unit"))
        batch_op.drop_index(batch_op.f("ix_duty_post_city_active"))

    op.drop_table("duty_post")
    with op.batch_alter_table("drill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_drill_plan_version"))
        batch_op.drop_index(batch_op.f("ix_drill_city_created_at"))

    op.drop_table("drill")
