namespace Metering.Engine;

/// <summary>The first answer to an idempotency key.</summary>
/// <param name="Status">Its HTTP status.</param>
/// <param name="Body">Its JSON, without secrets.</param>
public sealed record StoredAnswer(int Status, string Body);

/// <summary>What is known of an idempotency key.</summary>
public enum AnswerState
{
    /// <summary>The key is new: the caller is to do the work now, and to complete, abandon or release it.</summary>
    Begun,

    /// <summary>An earlier request with this key broke off in its work, which may be done in part: the caller is to finish it.</summary>
    BegunAnew,

    /// <summary>Another request with this key is at work.</summary>
    UnderWay,

    /// <summary>The work was done; the answer is kept.</summary>
    Answered,

    /// <summary>The key came with another request.</summary>
    OtherRequest,
}

/// <summary>
/// Answers to idempotency keys of commands that are not the ledger's own (making accounts, keys, coupons). Safe for concurrent use, also by several
/// processes on one database. What a call wrote is durable when it returns.
/// </summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now.</remarks>
public interface IAnswerStore
{
    /// <summary>Claims a key, or tells what became of it.</summary>
    /// <param name="scope">Whose key it is: the account, and for open routes the route.</param>
    /// <param name="keyHash">SHA-256 of the key, 32 bytes.</param>
    /// <param name="requestHash">A hash of the canonical request.</param>
    /// <param name="now">The time.</param>
    /// <param name="abandonedBefore">Work that began before this is taken for dead, and may be begun anew.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    ValueTask<(AnswerState State, StoredAnswer? Answer)> BeginAsync(
        string scope, byte[] keyHash, byte[] requestHash, DateTimeOffset now, DateTimeOffset abandonedBefore, CancellationToken cancellationToken = default);

    /// <summary>Keeps the answer of work that was begun.</summary>
    ValueTask CompleteAsync(string scope, byte[] keyHash, StoredAnswer answer, CancellationToken cancellationToken = default);

    /// <summary>Forgets a key whose work was refused and changed nothing.</summary>
    ValueTask AbandonAsync(string scope, byte[] keyHash, CancellationToken cancellationToken = default);

    /// <summary>Leaves work that broke off, and may be done in part, to the next request with the key.</summary>
    ValueTask ReleaseAsync(string scope, byte[] keyHash, CancellationToken cancellationToken = default);

    /// <summary>Forgets the answers that begin with a text, whatever their age: those that tell of somebody who is to be forgotten.</summary>
    ValueTask ForgetAsync(string beginning, CancellationToken cancellationToken = default);

    /// <summary>Forgets keys whose work began before an instant, released ones among them.</summary>
    ValueTask ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken = default);
}
