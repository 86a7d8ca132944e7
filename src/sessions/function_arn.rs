//! The ARN of a Lambda function, without its qualifier.

/// `arn:partition:lambda:region:account:function:name`. A version or an alias behind the name is
/// not kept: all of them share the execution role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FunctionArn {
    pub(super) partition: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) name: String,
}

impl FunctionArn {
    /// Reads an ARN. `None` if it is not the whole ARN of a function.
    pub(super) fn parse(arn: &str) -> Option<Self> {
        let parts: Vec<_> = arn.split(':').collect();
        let (["arn", partition, "lambda", region, account, "function", name]
        | ["arn", partition, "lambda", region, account, "function", name, _]) = parts[..]
        else {
            return None;
        };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if !is_account || [partition, region, name].contains(&"") {
            return None;
        }
        let [partition, region, account, name] =
            [partition, region, account, name].map(str::to_owned);
        Some(Self { partition, region, account, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qualifier_is_left_out() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:signer";
        let function = FunctionArn::parse(arn).unwrap();
        assert_eq!(function.name, "signer");
        for qualifier in ["live", "7", "$LATEST"] {
            let qualified = FunctionArn::parse(&format!("{arn}:{qualifier}")).unwrap();
            assert_eq!(qualified, function);
        }
    }

    #[test]
    fn anything_but_the_whole_arn_of_a_function_is_refused() {
        for arn in [
            "",
            "signer",
            "123456789012:function:signer",
            "arn:aws:lambda:eu-west-1:123456789012:function",
            "arn:aws:lambda:eu-west-1:123456789012:function:",
            "arn:aws:lambda:eu-west-1:123456789012:function:signer:live:x",
            "arn:aws:lambda:eu-west-1:123456789012:layer:signer",
            "arn:aws:iam:eu-west-1:123456789012:function:signer",
            "arn:aws:lambda::123456789012:function:signer",
            "arn::lambda:eu-west-1:123456789012:function:signer",
            "arn:aws:lambda:eu-west-1:1234:function:signer",
            "arn:aws:lambda:eu-west-1::function:signer",
            "ARN:aws:lambda:eu-west-1:123456789012:function:signer",
        ] {
            assert_eq!(FunctionArn::parse(arn), None, "{arn}");
        }
    }
}
