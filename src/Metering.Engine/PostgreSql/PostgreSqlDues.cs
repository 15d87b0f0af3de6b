using Npgsql;

namespace Metering.Engine;

/// <summary>When to look at accounts, in a table that the servers of a database share (functions <c>note_dues</c> and <c>claim_dues</c>).</summary>
internal sealed class PostgreSqlDues(NpgsqlDataSource source)
{
    public async ValueTask<bool> NoteAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT metering.note_dues($1, $2)");
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. notes.Select(note => note.Account.Value)] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. notes.Select(note => note.WakeAt.ToUnixTimeMilliseconds())] });
        await command.ExecuteNonQueryAsync(cancellationToken);
        return true;
    }

    public async ValueTask<IReadOnlyList<AccountId>> ClaimAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT metering.claim_dues($1, $2, $3)");
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = now.ToUnixTimeMilliseconds() });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = (now + lease).ToUnixTimeMilliseconds() });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        return await ReadAsync(command, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<AccountId>> ListAsync(AccountId? after, AccountId through, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT d.account FROM metering.dues d WHERE d.account > $1 AND d.account <= $2 ORDER BY d.account");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = after?.Value ?? string.Empty });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = through.Value });
        return await ReadAsync(command, cancellationToken);
    }

    private static async ValueTask<IReadOnlyList<AccountId>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var result = new List<AccountId>();
        while (await rows.ReadAsync(cancellationToken))
        {
            result.Add(new(rows.GetString(0)));
        }

        return result;
    }
}
