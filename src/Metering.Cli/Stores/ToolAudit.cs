using System.Text.Json.Nodes;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>Writes what the tool changes into the audit log in which the admin API's actions stand, before it is done, with the outcome after it.</summary>
internal sealed class ToolAudit(IAuditLog log, TimeProvider time)
{
    // As HTTP numbers them, like the other actions of the log.
    private const int Done = 200;
    // Who used the tool: it asks for no key.
    private static readonly AccountId Actor = new("tool:" + string.Concat(Environment.UserName.Where(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-').Take(64)));

    /// <summary>Does something that the log has to know.</summary>
    /// <param name="action">What, for programs ("account.grant").</param>
    /// <param name="target">The account that it is about; null for none.</param>
    /// <param name="summary">What was asked for, without secrets and without personal texts.</param>
    /// <param name="take">Does it; returns why it was refused, or null.</param>
    /// <returns>Why it was refused, or null.</returns>
    public async Task<string?> TakeAsync(string action, AccountId? target, JsonObject summary, Func<Task<ToolRefusal?>> take)
    {
        var number = await log.BeginAsync(new()
        {
            At = Now,
            KeyId = "tool",
            Actor = Actor,
            Action = action,
            Target = target,
            Summary = summary.ToJsonString(),
            RequestId = "console",
        });
        var refusal = await take();
        await log.CompleteAsync(number, refusal is null ? new(Done, null, Now) : new(refusal.Status, refusal.Code, Now));
        return refusal?.Message;
    }

    private DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
}

/// <summary>Why something was not done, or that nobody knows whether it was.</summary>
/// <param name="Message">For people.</param>
/// <param name="Status">As HTTP numbers it.</param>
/// <param name="Code">For programs.</param>
internal sealed record ToolRefusal(string Message, int Status, string Code)
{
    /// <summary>The meter's word; <paramref name="repeat"/> says how to find out what became of a command of unknown outcome.</summary>
    public static ToolRefusal Of(Refusal refusal, string repeat) => refusal.Reason == RefusalReason.OutcomeUnknown
        ? new($"{refusal.Message} {repeat}", 503, "outcome_unknown")
        : new(refusal.Message, 409, "refused");
}
