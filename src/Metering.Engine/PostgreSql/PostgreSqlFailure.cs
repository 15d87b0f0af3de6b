using System.Net.Sockets;
using Metering.Core;
using Npgsql;

namespace Metering.Engine;

/// <summary>
/// What PostgreSQL's errors mean for the callers of a store. An error of a statement (severity ERROR) has rolled its transaction back for
/// certain. Everything else (a lost connection, a time limit, a backend that was ended) leaves open what became of what was sent; so do the
/// errors of class 08, whatever their severity: older PgBouncers say "server conn crashed?" (08P01) with severity ERROR.
/// </summary>
internal static class PostgreSqlFailure
{
    /// <summary>The writer is not registered: see the function <c>metering.append</c>.</summary>
    public const string NoWriter = "MT001";

    /// <summary>True where it comes from the server or the way there, and is no bug of this process.</summary>
    public static bool IsOfServer(Exception error) => error is NpgsqlException or IOException or SocketException or TimeoutException;

    /// <summary>True where the transaction was rolled back for certain, and the connection still stands.</summary>
    public static bool IsRolledBack(Exception error) =>
        error is PostgresException { InvariantSeverity: "ERROR" } and not PostgresException { SqlState: ['0', '8', ..] };

    /// <summary>True where the same statement may succeed at once: another transaction was in the way, in a deadlock.</summary>
    public static bool IsTransient(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    /// <summary>What an append that was rolled back means.</summary>
    public static Exception AfterAppend(Exception error) => error is PostgresException { SqlState: ['2', '2' or '3', ..] or ['5', '4', ..] }
        ? new LedgerContentException($"PostgreSQL refused the content of a batch: {Describe(error)}", error)
        : Unavailable(error);

    /// <summary>What a failed read means.</summary>
    public static Exception AfterRead(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted }
        ? new LedgerFormatException($"The ledger in PostgreSQL is damaged: {Describe(error)}")
        : Unavailable(error);

    /// <summary>Nothing was written, or nothing can be read.</summary>
    public static LedgerUnavailableException Unavailable(Exception error) => new($"PostgreSQL cannot serve now: {Describe(error)}", error);

    /// <summary>The error in a sentence without any value of the data, and without the connection string.</summary>
    public static string Describe(Exception error) => error switch
    {
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.InvalidSchemaName } missing =>
            $"{missing.MessageText}; the schema metering is missing or older than this build: run metering migrate.",
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } denied =>
            $"{denied.MessageText}; grant it, or run metering migrate as the owner of the schema metering.",
        PostgresException server => $"{server.MessageText} (SQLSTATE {server.SqlState}).",
        NpgsqlException { InnerException: { } inner } => Describe(inner),
        TimeoutException => "the time limit passed without an answer.",
        _ => $"{error.Message.TrimEnd('.')}.",
    };
}
