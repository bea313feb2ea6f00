#!/usr/bin/env bash
# A matter from the first word to the closed ticket, over the HTTP interface. Needs curl (7.76 or newer), python3,
# and the example city:
#
#   hotline up        # in one terminal
#   hotline seed      # in another one; it prints the password once
#   PASSWORD=… docs/examples/matter.sh
set -euo pipefail

URL=${URL:-http://127.0.0.1:8000}
OPERATOR=${OPERATOR:-operator8001}
AGENCY=${AGENCY:-agency01}
: "${PASSWORD:?the password that hotline seed has printed}"
API=$URL/api/v1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# One value of the JSON on standard input, e.g. `get ticket.id`.
get() {
    python3 -c 'import functools, json, sys
print(functools.reduce(lambda at, name: at[int(name) if name.isdigit() else name], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}

# curl that shows the body of an error and then fails; "${json[@]}" comes before a JSON body.
ask() { curl --silent --show-error --fail-with-body "$@"; }
json=(--header 'Content-Type: application/json' --data)

echo "1. The operator signs in: a cookie for the browser, and a token against forged requests (CSRF)."
csrf=$(ask --cookie-jar "$WORK/cookies" "$API/auth/sign-in" \
    "${json[@]}" "{\"username\": \"$OPERATOR\", \"password\": \"$PASSWORD\"}" | get csrf)
operator() { ask --cookie "$WORK/cookies" --header "X-CSRF-Token: $csrf" "$@"; }

echo "2. A matter is registered; repeated with the same key, it is not registered twice."
item=$(operator --get "$API/catalog/items" --data-urlencode "q=拖欠工资" | get items.0.code)
cat >"$WORK/matter.json" <<JSON
{"channel": "phone", "words": "公司拖欠我三个月工资,请求帮助追讨", "item": "$item",
 "caller_number": "13900139001", "caller_name": "张三丰", "place": "昆明市五华区华山西路12号"}
JSON
key=$(python3 -c 'import uuid; print(uuid.uuid4())')
for _ in first again; do
    operator "$API/cases" --header "Idempotency-Key: $key" "${json[@]}" "@$WORK/matter.json" >"$WORK/case.json"
done
case_id=$(get case.id <"$WORK/case.json")
ticket=$(get ticket.id <"$WORK/case.json")
echo "   $(get case.number <"$WORK/case.json"), ticket $(get ticket.number <"$WORK/case.json"): $(get ticket.state_name <"$WORK/case.json")"
echo "   why: $(operator "$API/cases/$case_id/allocations" | get 0.reasons.0.text)"

echo "3. The agency's program signs in by tokens, and finds what it must sign for."
token=$(ask "$API/auth/token" "${json[@]}" "{\"username\": \"$AGENCY\", \"password\": \"$PASSWORD\"}" | get access_token)
agency() { ask --header "Authorization: Bearer $token" "$@"; }
agency "$API/supervision/deadlines?duty=sign" >"$WORK/duties.json"
echo "   first duty: $(get items.0.duty_name <"$WORK/duties.json"), due $(get items.0.due_at <"$WORK/duties.json")"

echo "4. It signs, handles, and feeds back. Each step names the version that it has seen (If-Match)."
share=$(agency "$API/tickets/$ticket/assignments" | get 0.id)
step() {
    version=$(agency --dump-header - --output /dev/null "$API/assignments/$share" | tr -d '\r' | sed -n 's/^etag: //Ip')
    agency "$API/assignments/$share/$1" --header "If-Match: $version" "${json[@]}" "$2" | get state_name
}
echo "   sign:     $(agency "$API/assignments/$share/sign" --header 'If-Match: "1"' --request POST | get state_name)"
echo "   handle:   $(step handle '{"note": "已约谈公司负责人"}')"
echo "   feedback: $(step feedback '{"text": "公司已于今日补发三个月工资"}')"

echo "5. The operator rings back, and closes."
settle() {
    version=$(operator --dump-header - --output /dev/null "$API/tickets/$ticket" | tr -d '\r' | sed -n 's/^etag: //Ip')
    operator "$API/tickets/$ticket/$1" --header "If-Match: $version" "${json[@]}" "$2" | get state_name
}
echo "   call back: $(settle call-back '{"reached": true, "resolved": true, "satisfaction": 5}')"
echo "   close:     $(settle close '{}')"

echo "6. What happened stands in the timeline:"
operator "$API/cases/$case_id/timeline" | python3 -c 'import json, sys
for one in json.load(sys.stdin)["items"]:
    print("  ", one["at"][11:19], one["desk"], one["action"])'
