"""The playground's part of the template: there only when asked for, and as strict as on localhost."""

import json
from typing import Any

import pytest

from local.static import content_policy, safety_headers
from local.template import TEMPLATE, Template

KNOWN = {"JwtIssuer": "https://issuer.example", "JwtAudience": "api"}
WANTED = {**KNOWN, "Playground": "yes", "PlaygroundSignInOrigins": "https://issuer.example https://login.example"}
BUCKET = "pictures.s3.us-east-1.amazonaws.com"
ATTRIBUTES = {"Bucket": {"RegionalDomainName": BUCKET}}
SERVED = "AWS::CloudFront::Distribution"


def headers() -> dict[str, Any]:
    """What CloudFront adds to the page's files."""
    template = Template(TEMPLATE, WANTED, ATTRIBUTES)
    policy = template.resources("AWS::CloudFront::ResponseHeadersPolicy")[0]
    found: dict[str, Any] = template.resolve(policy.properties["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"])
    custom = policy.properties["ResponseHeadersPolicyConfig"]["CustomHeadersConfig"]["Items"]
    return {**found, **{each["Header"]: each["Value"] for each in custom}}


def test_nothing_of_it_is_there_unless_asked_for() -> None:
    """Without `Playground=yes` no bucket, no distribution and no output of it is deployed."""
    template = Template(TEMPLATE, KNOWN)
    assert template.resources(SERVED, "AWS::CloudFront::OriginAccessControl") == []
    assert [each.name for each in template.resources("AWS::S3::Bucket")] == ["Bucket"]
    outputs = template.document["Outputs"]
    assert {name for name in outputs if name.startswith("Playground")} == {
        name for name, each in outputs.items() if each.get("Condition") == "HasPlayground"
    }


def test_the_policy_is_the_local_one() -> None:
    """CloudFront sends the same Content-Security-Policy as the local gateway, with the bucket and the issuer in it."""
    sent = headers()["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert sent == content_policy(f"https://{BUCKET}", WANTED["PlaygroundSignInOrigins"])


@pytest.mark.parametrize("name", ["cross-origin-opener-policy", "permissions-policy"])
def test_other_headers_are_the_local_ones(name: str) -> None:
    """What isolates the page is the same on localhost and on AWS."""
    assert headers()[name] == dict(safety_headers("x"))[name]


def test_the_api_is_never_cached_and_the_page_is_private() -> None:
    """`/api/*` goes to the API uncached and with its token; the files' bucket answers this distribution only."""
    template = Template(TEMPLATE, WANTED, ATTRIBUTES)
    config = template.resources(SERVED)[0].properties["DistributionConfig"]
    (api,) = config["CacheBehaviors"]
    assert (api["PathPattern"], api["TargetOriginId"]) == ("/api/*", "api")
    assert api["CachePolicyId"].startswith("4135ea2d")
    assert "POST" in api["AllowedMethods"]
    bucket = next(each for each in template.resources("AWS::S3::Bucket") if each.name == "PlaygroundBucket")
    assert all(bucket.properties["PublicAccessBlockConfiguration"].values())
    policy = json.dumps(template.document["Resources"]["PlaygroundBucketPolicy"])
    assert "cloudfront.amazonaws.com" in policy
    assert "aws:SourceArn" in policy
