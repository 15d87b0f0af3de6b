namespace Metering.Engine;

/// <summary>An operator's action, as it is written before it is taken.</summary>
public sealed record AuditAction
{
    /// <summary>When, UTC, whole milliseconds.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The id of the key that asked for it, never the key.</summary>
    public required string KeyId { get; init; }

    /// <summary>The account of that key.</summary>
    public required AccountId Actor { get; init; }

    /// <summary>What, for programs, for example <c>account.grant</c>.</summary>
    public required string Action { get; init; }

    /// <summary>The account that it is about; null where it is about none.</summary>
    public AccountId? Target { get; init; }

    /// <summary>What was asked for, as a JSON object, without secrets and without personal texts.</summary>
    public required string Summary { get; init; }

    /// <summary>The request's <c>X-Request-Id</c>.</summary>
    public required string RequestId { get; init; }
}

/// <summary>An operator's action in the log.</summary>
/// <param name="Number">Its place in the log, 1 or more; later ones are larger.</param>
/// <param name="Action">What was asked for.</param>
/// <param name="Outcome">What became of it; null while it runs, and for ever where the process died in it.</param>
public sealed record AuditEntry(long Number, AuditAction Action, AuditOutcome? Outcome);

/// <summary>What became of an action.</summary>
/// <param name="Status">The HTTP status that was answered.</param>
/// <param name="Code">The error's code; null on success.</param>
/// <param name="FinishedAt">When, UTC, whole milliseconds.</param>
public sealed record AuditOutcome(int Status, string? Code, DateTimeOffset FinishedAt);

/// <summary>Which entries to list, newest first.</summary>
public sealed record AuditQuery
{
    /// <summary>Only those about this account; null for all.</summary>
    public AccountId? Target { get; init; }

    /// <summary>Only those of this actor; null for all.</summary>
    public AccountId? Actor { get; init; }

    /// <summary>Only this action; null for all.</summary>
    public string? Action { get; init; }

    /// <summary>Only entries with a smaller number; null from the newest.</summary>
    public long? Before { get; init; }

    /// <summary>How many at most.</summary>
    public int Limit { get; init; } = 50;
}

/// <summary>
/// Who did what. Append-only: an action is written before it is taken and its outcome, as a row of its own, after it; neither is changed or deleted, which
/// the database refuses as well. Safe for concurrent use. What a call wrote is durable when it returns.
/// </summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now.</remarks>
public interface IAuditLog
{
    /// <summary>Writes an action that is about to be taken.</summary>
    /// <returns>Its number.</returns>
    ValueTask<long> BeginAsync(AuditAction action, CancellationToken cancellationToken = default);

    /// <summary>Writes what became of an action; a second outcome changes nothing.</summary>
    ValueTask CompleteAsync(long number, AuditOutcome outcome, CancellationToken cancellationToken = default);

    /// <summary>Entries, newest first.</summary>
    ValueTask<IReadOnlyList<AuditEntry>> ListAsync(AuditQuery query, CancellationToken cancellationToken = default);
}
