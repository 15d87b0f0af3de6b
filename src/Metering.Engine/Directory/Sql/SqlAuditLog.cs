namespace Metering.Engine;

/// <summary>The audit log in the directory's database.</summary>
internal sealed class SqlAuditLog(IDirectorySql sql) : IAuditLog
{
    public ValueTask<long> BeginAsync(AuditAction action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return sql.CommitAsync(
            async transaction => (await transaction.RunAsync(
                "INSERT INTO metering.audit (at, key_id, actor, action, target, summary, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING number",
                [
                    SqlValue.Of(action.At), SqlValue.Of(action.KeyId), SqlValue.Of(action.Actor), SqlValue.Of(action.Action), SqlValue.Of(action.Target?.Value),
                    SqlValue.Of(action.Summary), SqlValue.Of(action.RequestId),
                ],
                row => row.Whole(0)))[0],
            cancellationToken);
    }

    public async ValueTask CompleteAsync(long number, AuditOutcome outcome, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        await sql.AnyAsync(
            "INSERT INTO metering.audit_outcomes (number, status, code, finished_at) VALUES ($1, $2, $3, $4) ON CONFLICT (number) DO NOTHING RETURNING 1",
            [SqlValue.Of(number), SqlValue.Of(outcome.Status), SqlValue.Of(outcome.Code), SqlValue.Of(outcome.FinishedAt)],
            cancellationToken);
    }

    public async ValueTask<IReadOnlyList<AuditEntry>> ListAsync(AuditQuery query, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        return await sql.ReadAsync(
            """
            SELECT a.number, a.at, a.key_id, a.actor, a.action, a.target, a.summary, a.request_id, o.status, o.code, o.finished_at
            FROM metering.audit a LEFT JOIN metering.audit_outcomes o ON o.number = a.number
            WHERE a.number < $1 AND ($2 IS NULL OR a.target = $2) AND ($3 IS NULL OR a.actor = $3) AND ($4 IS NULL OR a.action = $4)
            ORDER BY a.number DESC LIMIT $5
            """,
            [
                SqlValue.Of(query.Before ?? long.MaxValue), SqlValue.Of(query.Target?.Value), SqlValue.Of(query.Actor?.Value), SqlValue.Of(query.Action),
                SqlValue.Of(query.Limit),
            ],
            EntryOf,
            cancellationToken);
    }

    private static AuditEntry EntryOf(ISqlRow row) => new(
        row.Whole(0),
        new()
        {
            At = row.Time(1)!.Value,
            KeyId = row.Required(2),
            Actor = new(row.Required(3)),
            Action = row.Required(4),
            Target = row.Text(5) is { } target ? new AccountId(target) : null,
            Summary = row.Required(6),
            RequestId = row.Required(7),
        },
        row.Number(8) is { } status ? new((int)status, row.Text(9), row.Time(10)!.Value) : null);
}
