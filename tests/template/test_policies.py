"""Who may do what, and how the pieces fit: read from template.yaml."""

import json
import re
from functools import reduce
from typing import Any

import pytest

from image_studio.providers import SPECS, bedrock
from image_studio.runtime.settings import TIERS
from local.intrinsics import ACCOUNT, REGION
from local.permissions import Demand, allows, policies_of
from local.template import ROOT, Resource, Template

TEMPLATE = Template()
FUNCTIONS = {each.name: each for each in TEMPLATE.resources("AWS::Serverless::Function")}
ATTRIBUTES = {name: {"Ref": name, "Arn": name} for name in TEMPLATE.document["Resources"]}
STATEMENTS = policies_of(Template(TEMPLATE.path, attributes=ATTRIBUTES))


def _one(kind: str, name: str | None = None) -> Resource:
    return next(each for each in TEMPLATE.resources(kind) if name in (None, each.name))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_actions_and_resources_are_spelled_out(function: str) -> None:
    """No wildcards but a prefix's; each right to the table names partitions, the one to list names prefixes."""
    for statement in STATEMENTS[function]:
        actions, resources = str(statement["Action"]), _listed(statement["Resource"])
        assert "*" not in actions
        assert ("*" in resources) is (actions == "lambda:GetAccountSettings")  # it takes no resource
        assert ("Condition" in statement) is ("dynamodb:" in actions or "ListBucket" in actions)
        if "Object" in actions:
            assert all(re.fullmatch(r"Bucket/[a-z]+/\*", resource) for resource in resources)


def test_every_function_has_a_role_of_its_own() -> None:
    """It logs to its own group only, and its policies are ours; none is left over."""
    roles = {name: each.properties["Role"]["Fn::GetAtt"][0] for name, each in FUNCTIONS.items()}
    assert sorted(roles.values()) == sorted({each.name for each in TEMPLATE.resources("AWS::IAM::Role")})
    given = [_one("AWS::IAM::Role", role).properties["ManagedPolicyArns"] for role in roles.values()]
    policies = {each.name for each in TEMPLATE.resources("AWS::IAM::ManagedPolicy")}
    assert {each["Ref"] for some in given for each in some} == policies
    groups = [each.name for each in TEMPLATE.resources("AWS::Logs::LogGroup")]
    for name, each in FUNCTIONS.items():
        allowed = [group for group in groups if allows(STATEMENTS[name], Demand("logs:PutLogEvents", group))]
        assert allowed == [each.properties["LoggingConfig"]["LogGroup"]["Ref"]]


def test_lambda_takes_jobs_by_the_workers_rights() -> None:
    """From the queue of its event source, and from no other."""
    source = TEMPLATE.queue_sources()[0]
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        takers = {name for name, each in STATEMENTS.items() if allows(each, Demand(f"sqs:{action}", source.queue))}
        assert takers == {source.function}
        assert not allows(STATEMENTS[source.function], Demand(f"sqs:{action}", "DeadLetters"))


def test_only_the_worker_reads_the_secret() -> None:
    """Neither the permission nor the name is given to another function."""
    readers = {name for name, each in STATEMENTS.items() if "secretsmanager:" in str(each)}
    variables = {name: each.properties.get("Environment", {}).get("Variables", {}) for name, each in FUNCTIONS.items()}
    assert readers == {name for name, each in variables.items() if "PROVIDER_SECRET_ID" in each} == {"WorkerFunction"}


def test_two_functions_sign_and_one_alone_files_fingerprints() -> None:
    """The key's secret and KMS only where the operator signs; those who sign and read manifests have the library."""
    key = "00000000-0000-0000-0000-000000000000"
    signing = {"Signing": "kms", "SigningKmsKey": key}
    statements = policies_of(Template(TEMPLATE.path, signing, ATTRIBUTES))
    needed = Demand("secretsmanager:GetSecretValue", "SigningIdentity")
    arn = Demand("kms:Sign", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}")
    signers = {name for name, each in statements.items() if allows(each, needed) and allows(each, arn)}
    holders = {
        name for name, each in FUNCTIONS.items() if {"Ref": "ProvenanceLayer"} in each.properties.get("Layers", [])
    }
    assert holders == {*signers, "LibraryFunction"}  # which reads marks for its thumbnails
    assert not [name for name, each in STATEMENTS.items() if allows(each, needed) or "kms" in str(each)]
    prints = {"dynamodb:LeadingKeys": ("PRINT#0#0000",)}
    for action, holder in (("BatchWriteItem", "WorkerFunction"), ("Query", "SocialFunction")):
        demand = Demand(f"dynamodb:{action}", "Table", prints)
        assert [name for name, each in STATEMENTS.items() if allows(each, demand)] == [holder]


def test_bedrock_may_be_called_by_the_worker_alone_and_only_its_models() -> None:
    """One paid action; the ids of the rows, in the regions that serve them, spelled out; only where it is enabled."""
    assert not TEMPLATE.resources("AWS::IAM::Policy")
    [policy] = Template(parameters={"BedrockRegion": "us-east-1"}).resources("AWS::IAM::Policy")
    assert policy.properties["Roles"] == [{"Ref": "WorkerRole"}]
    asks, statement = policy.properties["PolicyDocument"]["Statement"]
    assert asks == {"Effect": "Allow", "Action": "bedrock:GetFoundationModelAvailability", "Resource": "*"}
    assert (statement["Effect"], statement["Action"]) == ("Allow", "bedrock:InvokeModel")
    profile = "arn:aws:bedrock:${BedrockRegion}:${AWS::AccountId}:inference-profile/"
    allowed = [each["Fn::Sub"] if isinstance(each, dict) else each for each in statement["Resource"]]
    expected = []
    for model in bedrock.MODELS:
        service = model.endpoint.startswith(bedrock.PROFILE)
        regions = bedrock.PROFILE_REGIONS if service else (bedrock.GENERATORS_REGION,)
        own = model.endpoint.removeprefix(bedrock.PROFILE)
        expected += [f"arn:aws:bedrock:{region}::foundation-model/{own}" for region in regions]
        expected += [profile + model.endpoint] if service else []
    assert sorted(allowed) == sorted(expected)
    assert len(json.dumps(policy.properties["PolicyDocument"])) < 10_240, (
        "the most characters of a role's inline policies"
    )
    variables = FUNCTIONS["WorkerFunction"].properties["Environment"]["Variables"]
    assert variables[bedrock.SPEC.region_variable] == {"Ref": "BedrockRegion"}
    assert set(TEMPLATE.document["Parameters"]["BedrockRegion"]["AllowedValues"]) == {"", *bedrock.PROFILE_REGIONS}


def test_no_provider_key_is_a_variable() -> None:
    """Keys live in the secret; a variable would show them to everyone who may look at the function.

    The secret's text in the template never changes: CloudFormation would write it over the operator's keys.
    """
    assert _one("AWS::SecretsManager::Secret").properties["SecretString"] == "{}"
    declared = str(TEMPLATE.document["Globals"]) + str([each.properties for each in FUNCTIONS.values()])
    for spec in SPECS:
        assert not spec.key_variable or spec.key_variable not in declared
        assert spec.base_url_variable in FUNCTIONS["WorkerFunction"].properties["Environment"]["Variables"]


def test_every_function_has_a_folder_of_one_file_and_a_log_group_of_its_own() -> None:
    folders = {each.properties["CodeUri"] for each in FUNCTIONS.values()}
    assert folders == {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/app.py")}
    groups = [each.properties["LoggingConfig"]["LogGroup"]["Ref"] for each in FUNCTIONS.values()]
    assert sorted(groups) == sorted(set(groups))
    assert set(groups) < {each.name for each in TEMPLATE.resources("AWS::Logs::LogGroup")}
    for group in TEMPLATE.resources("AWS::Logs::LogGroup"):
        assert "RetentionInDays" in group.properties


def test_times_and_credits_fit_together() -> None:
    """A message is hidden for six times the worker's timeout, as Lambda's guide advises.

    API functions wait less than 30 seconds, and are stopped when the gateway times out. Credits are the tiers' own.
    """
    worker = FUNCTIONS["WorkerFunction"].properties
    assert _one("AWS::SQS::Queue", "JobQueue").properties["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert TEMPLATE.document["Globals"]["Function"]["Timeout"] == 30
    parameters = TEMPLATE.document["Parameters"]
    assert parameters["WaitSeconds"]["MaxValue"] <= 27
    for name, tier in TIERS.items():
        assert parameters[f"Credits{name.capitalize()}"]["Default"] == str(tier.credits)


def test_rules_write_to_the_job_queue_and_nowhere_else() -> None:
    """With a dead-letter queue and a bound on retries; the queue lets in only these rules.

    The schedule isn't among them: EventBridge invokes the worker itself, so that no sweep waits behind jobs.
    """
    rules = TEMPLATE.resources("AWS::Events::Rule")
    for rule in rules:
        [target] = rule.properties["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": ["JobQueue", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
        assert "MaximumRetryAttempts" in target["RetryPolicy"]
    [rule] = rules
    for policy in TEMPLATE.resources("AWS::SQS::QueuePolicy"):
        *open_to, _ = policy.properties["PolicyDocument"]["Statement"]
        for statement in open_to:
            assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == {"Fn::GetAtt": [rule.name, "Arn"]}
        assert bool(open_to) is (policy.name != "WebhookQueuePolicy")
    assert not [rule for rule in rules if "ScheduleExpression" in rule.properties]
    assert FUNCTIONS["WorkerFunction"].properties["Events"]["Sweep"]["Type"] == "Schedule"


def test_the_bucket_is_private_encrypted_and_forgets() -> None:
    """All public access is blocked, plain HTTP is denied, callers' images expire; deleting the stack keeps the data."""
    bucket = _one("AWS::S3::Bucket").properties
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket
    denied = {each["Sid"] for each in _one("AWS::S3::BucketPolicy").properties["PolicyDocument"]["Statement"]}
    assert "OnlyOverTls" in denied
    prefixes = {rule.get("Prefix") for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule}
    assert prefixes == {"inputs/", "uploads/", "results/"}


def test_only_these_routes_are_open() -> None:
    """Everything else needs a token."""
    opened = {route.key.replace("/api/image-studio", "") for route in TEMPLATE.routes() if not route.authorized}
    read = {f"{method} {path}" for method in ("GET", "HEAD") for path in ("/health", "/openapi.json", "/docs")}
    assert opened == read | {"OPTIONS /{proxy+}"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "AllowedOrigins",
            ("", "*", "https://a.example,http://localhost:3000"),
            ("https://a, https://b", "https://a/"),
        ),
        ("JwtAudience", ("", "api,web"), ("api, web", "api,")),
        ("JwtIssuer", ("", "https://issuer.example/a"), ("http://issuer.example", "https://a b")),
        ("AlarmEmail", ("", "ann@example.com"), ("ann", "ann@example.com, bob@example.com")),
        ("CreditsFree", ("0", "50"), ("0.5", "-1", "")),
        ("ResultDays", ("1", "30"), ("0", "0.5")),
        ("ApiDomain", ("", "api.example.com"), ("https://api.example.com", "api.example.com/")),
    ],
)
def test_a_parameter_that_would_fail_later_is_refused_at_once(
    name: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    """Blanks after commas, decimals, addresses with paths."""
    pattern = TEMPLATE.document["Parameters"][name]["AllowedPattern"]
    assert [value for value in (*good, *bad) if re.fullmatch(pattern, value)] == list(good)


def test_the_reserved_concurrency_covers_all_that_invokes_the_worker() -> None:
    """The advice adds up the limits of its queues and one for the sweep; Rules can't compare numbers."""
    events = FUNCTIONS["WorkerFunction"].properties["Events"].values()
    limits = [each["Properties"]["ScalingConfig"]["MaximumConcurrency"] for each in events if each["Type"] == "SQS"]
    least = " + ".join([*(each["Ref"] for each in limits), str(len(events) - len(limits))])
    described = TEMPLATE.document["Parameters"]["WorkerReservedConcurrency"]["Description"]
    assert f"at least {least}." in described
    assert f"at least `{least}`" in (ROOT / "docs/operating.md").read_text()


def test_the_access_log_has_no_sub_beside_an_address() -> None:
    """RequestId leads to the function's own line, which has the caller's hash."""
    written = _one("AWS::Serverless::HttpApi").properties["AccessLogSettings"]["Format"]
    logged = set(re.findall(r"context\.([\w.]+)", written))
    assert {"requestId", "identity.sourceIp", "authorizer.error"} <= logged
    assert not [name for name in logged if "claims" in name]


def test_browsers_may_use_the_methods_that_routes_have() -> None:
    """No others: a method without a route is a 401 or a 405."""
    allowed = _one("AWS::Serverless::HttpApi").properties["CorsConfiguration"]["Fn::If"][1]["AllowMethods"]
    assert set(allowed) == {route.key.partition(" ")[0] for route in TEMPLATE.routes()} - {"$default"}


#: What is named once in an account, for all of its regions; and where its name is.
GLOBAL = {
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig", "Name"),
    "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig", "Name"),
}


def test_stages_and_regions_share_neither_dashboards_nor_keys() -> None:
    """Global names have stack and region, the others are made up. The table has AWS's own key, uncharged."""
    template = Template(parameters={"Playground": "yes", "PoolTiers": "yes"})
    named = {each.type: each.properties for each in template.resources(*GLOBAL)}
    assert named.keys() == GLOBAL.keys()
    for kind, path in GLOBAL.items():
        name = template.resolve(reduce(lambda node, key: node[key], path, named[kind]))
        assert name.startswith("image-studio-")
        assert name.endswith(f"-{REGION}")
        assert len(name.replace(REGION, "ap-southeast-1")) <= 64 - len("-staging")  # an access control's most
    for each in template.resources("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::S3::Bucket"):
        assert not {"RoleName", "ManagedPolicyName", "BucketName"} & each.properties.keys()
    assert "SSESpecification" not in _one("AWS::DynamoDB::Table").properties


def test_the_pool_signs_in_by_password_where_it_is_asked_for() -> None:
    flows = _one("AWS::Cognito::UserPoolClient").properties["ExplicitAuthFlows"]
    for wanted, allowed in (("no", False), ("yes", True)):
        template = Template(parameters={"PoolPasswordSignIn": wanted})
        assert ("ALLOW_ADMIN_USER_PASSWORD_AUTH" in template.resolve(flows)) is allowed


def test_an_instances_role_may_deploy() -> None:
    """`make deploy` leaves the SDK its way to the role; other targets need no credentials."""
    makefile = (ROOT / "Makefile").read_text()
    assert "AWS_EC2_METADATA_DISABLED=true" in re.findall(r"^SAM_ENV = (.*)", makefile, re.MULTILINE)[0]
    [recipe] = re.findall(r"^deploy:.*\n\t(.*) #", makefile, re.MULTILINE)
    assert "SAM_ENV" not in recipe
