using Metering.Gateway.Payments.Sandbox;

namespace Metering.Gateway.Payments;

/// <summary>Which payment documents are removed once they are dealt with; all others stay for ever.</summary>
internal static class PassingDocuments
{
    /// <summary>Their kinds.</summary>
    public static readonly IReadOnlyList<string> Kinds = [QueuedMail.Kind, CountedCalls.Kind, SandboxEvent.Kind];
}
