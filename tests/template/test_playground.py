"""The playground's part of the template: there only when asked for, and as strict as on localhost."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from image_studio.runtime import aws_clients
from image_studio.storage.objects import ObjectStore
from local.static import content_policy, safety_headers
from local.template import TEMPLATE, Template

KNOWN = {"JwtIssuer": "https://issuer.example", "JwtAudience": "api"}
WANTED = {**KNOWN, "Playground": "yes", "PlaygroundSignInOrigins": "https://issuer.example https://login.example"}
BUCKET = "images.s3.us-east-1.amazonaws.com"
ATTRIBUTES = {"Bucket": {"RegionalDomainName": BUCKET}}
SERVED = "AWS::CloudFront::Distribution"


def headers(values: dict[str, str] = WANTED) -> dict[str, Any]:
    template = Template(TEMPLATE, values, ATTRIBUTES)
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


def test_the_pages_headers_are_the_local_ones() -> None:
    """CloudFront sends the local gateway's Content-Security-Policy, with bucket and issuer in it, and isolation."""
    sent = headers()
    policy = content_policy(f"https://{BUCKET}", WANTED["PlaygroundSignInOrigins"])
    assert sent["ContentSecurityPolicy"]["ContentSecurityPolicy"] == policy
    for name in ("cross-origin-opener-policy", "permissions-policy"):
        assert sent[name] == dict(safety_headers("x"))[name]


def test_presigned_addresses_have_the_host_that_the_policy_allows() -> None:
    """In us-east-1, too, where S3's older addresses have no region."""
    store = ObjectStore(lambda: aws_clients._client("s3"), BUCKET.partition(".")[0])
    addresses = (store.link("results/t/1", "a.png"), store.form("uploads/t/1", "image/png", 1)["url"])
    assert {urlsplit(address).netloc for address in addresses} == {BUCKET}


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


POOL = {"Playground": "yes"}
SIGNED_IN = {**POOL, "PlaygroundAddress": "https://d1.cloudfront.net/"}


def _client(values: dict[str, str]) -> dict[str, Any]:
    """The pool's client, but for the pool that it belongs to."""
    template = Template(TEMPLATE, values, {"UserPool": {"Ref": "eu_x"}})
    found: dict[str, Any] = template.resolve(template.resources("AWS::Cognito::UserPoolClient")[0].properties)
    return found


def test_the_stacks_own_pool_signs_people_in() -> None:
    """Its client has the code flow back to the page, its sign-in page a name, and the page may talk to both."""
    client = _client(SIGNED_IN)
    assert client["AllowedOAuthFlowsUserPoolClient"] is True
    assert (client["AllowedOAuthFlows"], client["AllowedOAuthScopes"]) == (["code"], ["openid"])
    assert client["CallbackURLs"] == [SIGNED_IN["PlaygroundAddress"]]
    assert client["GenerateSecret"] is False
    template = Template(TEMPLATE, SIGNED_IN)
    [domain] = template.resources("AWS::Cognito::UserPoolDomain")
    page = f"https://{template.resolve(domain.properties['Domain'])}.auth.us-east-1.amazoncognito.com"
    sent = headers(SIGNED_IN)["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert sent == content_policy(f"https://{BUCKET}", f"https://cognito-idp.us-east-1.amazonaws.com {page}")


@pytest.mark.parametrize("values", [{}, POOL])
def test_without_the_pages_address_the_pool_has_no_sign_in_page(values: dict[str, str]) -> None:
    """Neither flows nor addresses nor a domain: callers sign in by SRP, as before."""
    client = _client(values)
    assert client["AllowedOAuthFlowsUserPoolClient"] is False
    assert not {"AllowedOAuthFlows", "AllowedOAuthScopes", "CallbackURLs"} & client.keys()
    assert Template(TEMPLATE, values).resources("AWS::Cognito::UserPoolDomain") == []
