"""A user of the local AWS's Cognito, and the tokens that sign-in gives."""

import uuid

from . import isolation


class Users:
    """A user pool with an app client and one user, who is signed in."""

    def __init__(self, aws):
        cognito = aws.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="readers")["UserPool"]["Id"]
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        app = cognito.create_user_pool_client(UserPoolId=pool, ClientName="readers", ExplicitAuthFlows=flows)
        self.issuer = f"https://cognito-idp.{isolation.REGION}.amazonaws.com/{pool}"
        self.audience = app["UserPoolClient"]["ClientId"]
        password = f"Aa1!{uuid.uuid4()}"
        cognito.admin_create_user(UserPoolId=pool, Username="alice", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username="alice", Password=password, Permanent=True)
        signed_in = cognito.initiate_auth(
            ClientId=self.audience,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "alice", "PASSWORD": password},
        )["AuthenticationResult"]
        self.access_token = signed_in["AccessToken"]
        self.id_token = signed_in["IdToken"]
