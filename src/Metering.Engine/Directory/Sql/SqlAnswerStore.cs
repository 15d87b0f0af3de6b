namespace Metering.Engine;

/// <summary>Answers to idempotency keys in the directory's database.</summary>
/// <remarks>
/// <c>started_at</c> is when the work began; its negative where the work was released. A released key is thus free for any clock at once, and still has
/// its age, by which it is forgotten as all others are.
/// </remarks>
internal sealed class SqlAnswerStore(IDirectorySql sql) : IAnswerStore
{
    public ValueTask<(AnswerState State, StoredAnswer? Answer)> BeginAsync(
        string scope, byte[] keyHash, byte[] requestHash, DateTimeOffset now, DateTimeOffset abandonedBefore, CancellationToken cancellationToken = default) => sql.CommitAsync<(AnswerState, StoredAnswer?)>(
        async transaction =>
        {
            var claimed = await transaction.RunAsync(
                """
                INSERT INTO metering.answers AS kept (scope, key_hash, request_hash, started_at, attempts) VALUES ($1, $2, $3, $4, 1)
                ON CONFLICT (scope, key_hash) DO UPDATE SET started_at = excluded.started_at, attempts = kept.attempts + 1
                    WHERE kept.status IS NULL AND kept.started_at < $5 AND kept.request_hash = excluded.request_hash
                RETURNING attempts
                """,
                [SqlValue.Of(scope), SqlValue.Of(keyHash), SqlValue.Of(requestHash), SqlValue.Of(now), SqlValue.Of(abandonedBefore)],
                row => row.Whole(0));
            if (claimed.Count > 0)
            {
                return (claimed[0] == 1 ? AnswerState.Begun : AnswerState.BegunAnew, null);
            }

            var kept = await transaction.RunAsync(
                "SELECT request_hash, status, body FROM metering.answers WHERE scope = $1 AND key_hash = $2",
                [SqlValue.Of(scope), SqlValue.Of(keyHash)],
                row => (Request: row.Bytes(0)!, Answer: row.Number(1) is { } status ? new StoredAnswer((int)status, row.Required(2)) : null));
            return kept switch
            {
                [] => (AnswerState.UnderWay, null), // Abandoned in this moment: the next look finds it free.
                [var first, ..] when !first.Request.AsSpan().SequenceEqual(requestHash) => (AnswerState.OtherRequest, null),
                [{ Answer: null }, ..] => (AnswerState.UnderWay, null),
                [var first, ..] => (AnswerState.Answered, first.Answer),
            };
        },
        cancellationToken);

    public async ValueTask CompleteAsync(string scope, byte[] keyHash, StoredAnswer answer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(answer);
        await sql.AnyAsync(
            "UPDATE metering.answers SET status = $3, body = $4 WHERE scope = $1 AND key_hash = $2 AND status IS NULL RETURNING 1",
            [SqlValue.Of(scope), SqlValue.Of(keyHash), SqlValue.Of(answer.Status), SqlValue.Of(answer.Body)],
            cancellationToken);
    }

    public async ValueTask AbandonAsync(string scope, byte[] keyHash, CancellationToken cancellationToken = default) => await sql.AnyAsync(
        "DELETE FROM metering.answers WHERE scope = $1 AND key_hash = $2 AND status IS NULL RETURNING 1",
        [SqlValue.Of(scope), SqlValue.Of(keyHash)],
        cancellationToken);

    public async ValueTask ReleaseAsync(string scope, byte[] keyHash, CancellationToken cancellationToken = default) => await sql.AnyAsync(
        "UPDATE metering.answers SET started_at = -abs(started_at) WHERE scope = $1 AND key_hash = $2 AND status IS NULL RETURNING 1",
        [SqlValue.Of(scope), SqlValue.Of(keyHash)],
        cancellationToken);

    public async ValueTask ForgetAsync(string beginning, CancellationToken cancellationToken = default) => await sql.AnyAsync(
        "DELETE FROM metering.answers WHERE substr(body, 1, length($1)) = $1 RETURNING 1", [SqlValue.Of(beginning)], cancellationToken);

    public async ValueTask ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken = default) => await sql.AnyAsync(
        "DELETE FROM metering.answers WHERE (started_at >= 0 AND started_at < $1) OR (started_at < 0 AND started_at + $1 > 0) RETURNING 1",
        [SqlValue.Of(before)],
        cancellationToken);
}
