using System.Data;
using Metering.Core;
using Npgsql;

namespace Metering.Engine;

/// <summary>
/// Removes archived entries, all accounts of a call in one transaction, in the order in which appends lock them. It needs no writer's number: one
/// whose answer was lost may land late, and then does what it would have done, or nothing.
/// </summary>
internal static class PostgreSqlCuts
{
    private const int Attempts = 5;

    public static async ValueTask RunAsync(NpgsqlDataSource source, IReadOnlyList<LedgerCut> cuts)
    {
        LedgerCut[] inOrder = [.. cuts.OrderBy(cut => cut.Account.Value, StringComparer.Ordinal)];
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await RunOnceAsync(source, inOrder);
                return;
            }
            catch (PostgresException error) when (PostgreSqlFailure.IsTransient(error) && attempt < Attempts)
            {
                // Rolled back for certain.
            }
            catch (Exception error) when (PostgreSqlFailure.IsRolledBack(error))
            {
                throw PostgreSqlFailure.Unavailable(error);
            }
        }
    }

    public static async ValueTask<LedgerBase?> ReadAsync(NpgsqlDataSource source, AccountId account, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT sequence, link, transactions, format, state FROM metering.bases WHERE account = $1");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.Value });
        await using var rows = await command.ExecuteReaderAsync(CommandBehavior.SingleRow, cancellationToken);
        return await rows.ReadAsync(cancellationToken)
            ? new(new(rows.GetInt64(0), ChainLink.Read(rows.GetFieldValue<byte[]>(1))), rows.GetInt64(2), rows.GetInt32(3), rows.GetFieldValue<byte[]>(4))
            : null;
    }

    private static async ValueTask RunOnceAsync(NpgsqlDataSource source, LedgerCut[] cuts)
    {
        NpgsqlConnection connection;
        try
        {
            connection = await source.OpenConnectionAsync(CancellationToken.None);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.Unavailable(error);
        }

        await using (connection)
        {
            try
            {
                await using var transaction = await connection.BeginTransactionAsync();
                var done = new bool[cuts.Length];
                for (var index = 0; index < cuts.Length; index++)
                {
                    done[index] = await CutAsync(connection, cuts[index]);
                }

                await transaction.CommitAsync();
                for (var index = 0; index < cuts.Length; index++)
                {
                    cuts[index].IsDone = done[index];
                }
            }
            catch (Exception error) when (PostgreSqlFailure.IsOfServer(error) && !PostgreSqlFailure.IsRolledBack(error))
            {
                throw new LedgerOutcomeUnknownException($"PostgreSQL's answer to a cut was lost: {PostgreSqlFailure.Describe(error)}", error);
            }
        }
    }

    private static async ValueTask<bool> CutAsync(NpgsqlConnection connection, LedgerCut cut)
    {
        await using var command = new NpgsqlCommand("SELECT metering.cut($1, $2, $3, $4, $5, $6)", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = cut.Account.Value });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = cut.Base.Head.Sequence });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = cut.Base.Transactions });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = cut.Base.Head.Link.ToArray() });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = cut.Base.FormatVersion });
        command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = cut.Base.State });
        return await command.ExecuteScalarAsync() is true;
    }
}
