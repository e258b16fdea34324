"""IAM for the local AWS: a function may do what its role in template.yaml allows, and nothing else.

A function's access key is its own name. The key `local`, which tests and the stack itself use, may do everything.
Statements may be limited to leading keys and to prefixes of lists; what isn't understood here is an error.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree.ElementTree import fromstring

from local.intrinsics import ACCOUNT, REGION
from local.template import Template

ADMINISTRATOR = "local"
POLICIES_PATH = "/_policies"
ACCOUNT_PATH = "/2016-08-19/account-settings"  # Lambda's
MAX_BODY = 64 * 1024 * 1024  # bytes of a request body, which names the resource
_IN_TRANSACTION = ("Put", "Update", "Delete", "ConditionCheck")  # each needs the permission with Item appended
_PARTITION_KEYS = ("pk", "lease")  # of the table and its indexes
_KEYED = {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem", "Query"}
_KEYED |= {"BatchGetItem", "BatchWriteItem"}
_LEADING_KEYS, _PREFIX = "dynamodb:LeadingKeys", "s3:prefix"
_CONDITIONS = ({"ForAllValues:StringLike": {_LEADING_KEYS}}, {"StringLike": {_PREFIX}})
_STATEMENT = {"Sid", "Effect", "Action", "Resource", "Condition"}
_OBJECT_ACTIONS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}

MAX_REFUSALS = 1000  # that are kept

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Statements = list[dict[str, Any]]


@dataclass(frozen=True)
class Demand:
    """One action on one resource (an ARN), with the values of condition keys."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def policies_of(template: Template) -> dict[str, Statements]:
    """Return the statements of every function's role, with references resolved. Raises Unresolved, ValueError."""
    managed = {each.name: each.properties["PolicyDocument"] for each in template.resources("AWS::IAM::ManagedPolicy")}
    roles = {each.name: each.properties for each in template.resources("AWS::IAM::Role")}
    found: dict[str, Statements] = {}
    for function in template.resources("AWS::Serverless::Function"):
        role = roles[function.properties["Role"]["Fn::GetAtt"][0]] if "Role" in function.properties else {}
        documents = [managed[each["Ref"]] for each in role.get("ManagedPolicyArns", [])]
        documents += [each["PolicyDocument"] for each in role.get("Policies", [])]
        found[function.name] = [each for document in documents for each in template.resolve(document["Statement"])]
        for statement in found[function.name]:
            _check(statement)
    return found


def _check(statement: Mapping[str, Any]) -> None:
    condition = {operator: set(keys) for operator, keys in statement.get("Condition", {}).items()}
    plain = statement["Effect"] == "Allow" and "*" not in str(statement["Action"])
    if set(statement) - _STATEMENT or not plain or (condition and condition not in _CONDITIONS):
        raise ValueError(f"local/permissions.py does not understand the statement {dict(statement)}")


def allows(statements: Statements, demand: Demand) -> bool:
    """Whether any of the statements allows it."""
    return any(
        demand.action in _listed(each["Action"])
        and any(fnmatchcase(demand.resource, pattern) for pattern in _listed(each["Resource"]))
        and _holds(each.get("Condition", {}), demand.context)
        for each in statements
    )


def _holds(condition: Mapping[str, Any], context: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether every value matches. Without any, `ForAllValues` holds and the plain operator doesn't, as in IAM."""
    return all(
        all(any(fnmatchcase(value, pattern) for pattern in _listed(patterns)) for value in context.get(key, ()))
        and (operator.startswith("ForAllValues:") or key in context)
        for operator, keys in condition.items()
        for key, patterns in keys.items()
    )


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


class Guard:
    """WSGI middleware in front of the local AWS. `PUT /_policies` sets the policies, `GET` returns what was refused."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._policies: dict[str, Statements] = {}
        self._refused: deque[str] = deque(maxlen=MAX_REFUSALS)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Refuse a request that isn't allowed, pass on any other."""
        if environ["PATH_INFO"] == POLICIES_PATH:
            if environ["REQUEST_METHOD"] == "PUT":
                self._policies = json.loads(_body(environ))
            start_response("200 OK", [("content-type", "application/json")])
            return [json.dumps(list(self._refused)).encode()]
        principal = _principal(environ)
        if principal not in self._policies:
            return self._application(environ, start_response)
        statements = self._policies[principal]
        try:
            demanded = list(demands(environ))
        except ValueError:
            start_response("400 Bad Request", [])
            return []  # half a body, of a process that was killed: nobody reads this
        for demand in demanded:
            if not allows(statements, demand):
                why = f"{principal} may not {demand.action} on {demand.resource} {dict(demand.context) or ''}".strip()
                self._refused.append(why)
                return _refuse(environ, start_response, why)
        return self._answer(environ, start_response, statements, demanded)

    def _answer(
        self, environ: Environ, start_response: Callable[..., Any], statements: Statements, demanded: list[Demand]
    ) -> Iterable[bytes]:
        """Pass the request on. S3 hides that an object is missing from those who may not list its bucket."""
        started: list[tuple[Any, ...]] = []
        body = self._application(environ, lambda *arguments: started.append(arguments))
        bucket = demanded[0].resource.partition("/")[0]
        missing = demanded[0].action == "s3:GetObject" and started[0][0].startswith("404")
        if missing and not allows(statements, Demand("s3:ListBucket", bucket)):
            return _refuse(environ, start_response, "Access Denied")
        start_response(*started[0])
        return body


def _principal(environ: Environ) -> str:
    """Return the access key of a signed request from a header, the query or an upload form."""
    signed = environ.get("HTTP_AUTHORIZATION", "") or unquote(environ.get("QUERY_STRING", ""))
    if environ["REQUEST_METHOD"] == "POST" and _is_form(environ):
        form = _form(environ)
        signed = form.get("x-amz-credential", form.get("awsaccesskeyid", ""))
        return signed.partition("/")[0] or ADMINISTRATOR
    found = re.search(r"(?:Credential|AWSAccessKeyId)=([^/&,]+)", signed)
    return found.group(1) if found else ADMINISTRATOR


def demands(environ: Environ) -> Iterator[Demand]:
    """Yield what a request needs; the action is `unknown` where it isn't understood."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    service, _, action = target.partition(".")
    if environ["PATH_INFO"] == ACCOUNT_PATH:
        yield Demand("lambda:GetAccountSettings", "*")
    elif service.startswith("DynamoDB"):
        yield from _table_demands(action, json.loads(_body(environ)))
    elif service == "AmazonSQS":
        name = json.loads(_body(environ))["QueueUrl"].rpartition("/")[2]
        yield Demand(f"sqs:{action}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
    elif service == "secretsmanager":
        yield Demand(f"secretsmanager:{action}", json.loads(_body(environ))["SecretId"])
    elif service == "TrentService":
        yield Demand(f"kms:{action}", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{json.loads(_body(environ))['KeyId']}")
    elif target:
        yield Demand("unknown", target)
    else:
        yield from _bucket_demands(environ)


def _table_demands(action: str, body: Mapping[str, Any]) -> Iterator[Demand]:
    if action == "TransactWriteItems":
        for item in body["TransactItems"]:
            for kind, part in item.items():
                yield _on_table(f"{kind}Item" if kind in _IN_TRANSACTION else "", part)
    elif action in ("BatchWriteItem", "BatchGetItem"):
        for table, wanted in body["RequestItems"].items():
            for part in _batched(wanted):
                yield _on_table(action, {"TableName": table, **part})
    else:
        yield _on_table(action if "TableName" in body else "", body)


def _batched(wanted: Any) -> list[dict[str, Any]]:
    """The keys or items of a batch, of one table."""
    if isinstance(wanted, list):  # writes
        return [{**write.get("PutRequest", {}), **write.get("DeleteRequest", {})} for write in wanted]
    return [{"Key": key} for key in wanted["Keys"]]


def _on_table(action: str, body: Mapping[str, Any]) -> Demand:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{body.get('TableName', '')}"
    index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
    item = body.get("Key") or body.get("Item") or {}
    if action == "Query":
        values = body.get("ExpressionAttributeValues", {})
        pairs = re.findall(r"(\w+) = (:\w+)", body.get("KeyConditionExpression", ""))
        item = {name: values[value] for name, value in pairs if value in values}
    leading = tuple(item[name]["S"] for name in _PARTITION_KEYS if name in item)[:1]
    understood = action and (leading or action not in _KEYED)
    return Demand(f"dynamodb:{action}" if understood else "unknown", table + index, {_LEADING_KEYS: leading})


def _bucket_demands(environ: Environ) -> Iterator[Demand]:
    method = environ["REQUEST_METHOD"]
    bucket, _, key = environ["PATH_INFO"].encode("latin-1").decode().removeprefix("/").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    source = unquote(environ.get("HTTP_X_AMZ_COPY_SOURCE", "")).removeprefix("/")
    if key and source:  # a copy reads one object and writes another
        yield Demand("s3:GetObject", f"arn:aws:s3:::{source}")
    if key:
        yield Demand(f"s3:{_OBJECT_ACTIONS.get(method, method)}", f"{arn}/{key}")
    elif method == "POST" and "delete" in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        for each in fromstring(_body(environ)).findall(".//{*}Key"):  # noqa: S314  # our own functions wrote it
            yield Demand("s3:DeleteObject", f"{arn}/{each.text}")
    elif method == "POST":
        yield Demand("s3:PutObject", f"{arn}/{_form(environ).get('key', '')}")
    else:
        prefix = parse_qs(environ.get("QUERY_STRING", "")).get("prefix")
        context = {_PREFIX: (prefix[0],)} if prefix else {}
        yield Demand("s3:ListBucket" if method in ("GET", "HEAD") else f"s3:{method}", arn, context)


def _body(environ: Environ) -> bytes:
    """Return the body, and leave it in place for the application."""
    length = min(int(environ.get("CONTENT_LENGTH") or 0), MAX_BODY)
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(body)
    return body


def _is_form(environ: Environ) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).startswith("multipart/form-data")


def _form(environ: Environ) -> dict[str, str]:
    """Return the text fields of an upload form, names in lower case."""
    found = re.findall(rb'name="([^"]+)"\r\n\r\n([^\r]*)\r\n', _body(environ))
    return {name.decode().lower(): value.decode(errors="replace") for name, value in found}


def _refuse(environ: Environ, start_response: Callable[..., Any], why: str) -> Iterable[bytes]:
    if environ.get("HTTP_X_AMZ_TARGET"):
        start_response("400 Bad Request", [("content-type", "application/x-amz-json-1.0")])
        return [json.dumps({"__type": "AccessDeniedException", "message": why}).encode()]
    start_response("403 Forbidden", [("content-type", "application/xml")])
    return [f"<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>".encode()]
