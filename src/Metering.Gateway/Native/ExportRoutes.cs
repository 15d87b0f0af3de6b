using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Metering.Gateway.Native;

/// <summary>Dialect E: all transactions of an account as a stream.</summary>
internal static class ExportRoutes
{
    private const string Ndjson = "application/x-ndjson";
    private const string Csv = "text/csv";

    public static IEndpointRouteBuilder MapExport(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/transactions/export", Export)
            .WithTags("Transactions")
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("Transactions as a stream, oldest first. A stream that breaks off goes on with after: the id in its last whole line. A clean end is the end of the ledger", new()
            {
                Query =
                [
                    new("format", "ndjson (default): an object a line, as in the list. csv: RFC 4180 with a header line, without one behind after; texts that a spreadsheet would run begin with an apostrophe.", Example: "ndjson"),
                    new("from", "Only what was created at or after this day or instant, UTC: 2026-01-31 or 2026-01-31T12:00:00Z.", Example: "2026-01-31"),
                    new("to", "Only what was created before this day or instant, UTC.", Example: "2026-02-28T12:00:00Z"),
                    new("after", "The id of the last transaction that the caller has.", Example: "txn_00000000000020fghjkmnpqrst"),
                ],
                ResponseExample = """
                    {"id":"txn_00000000000020fghjkmnpqrst","number":2,"type":"DEDUCTION","amount":-12,"credits":88,"description":"Lead search","buckets":{"bonus":0,"monthly":12,"permanent":0},"createdAt":"2026-05-05T10:01:00.000Z","appliedAt":"2026-05-05T10:01:00.000Z"}
                    """,
            })
            .Produces<string>(StatusCodes.Status200OK, Ndjson, Csv)
            .ProducesProblems(400, 401, 403, 404, 410, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> Export(HttpContext context, ICreditMeter meter)
    {
        if (ReadQuery(context.Request, out var format, out var query) is { } failure)
        {
            return failure.ToResult();
        }

        // Enters what is due, so that a reset is in the stream on its day, and tells whether there is such an account.
        var account = context.GetMeteringCaller().Account;
        var balance = await meter.GetBalanceAsync(account, context.RequestAborted).ConfigureAwait(false);
        if (!balance.TryGet(out var read, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        context.ReportBalance(read);
        var store = context.RequestServices.GetRequiredService<ILedgerStore>();
        var opened = await TransactionExport.OpenAsync(store, account, query, context.RequestAborted).ConfigureAwait(false);
        return opened.TryGet(out var export, out refusal) ? new ExportResult(export, format, query.After is null) : Failure.Of(refusal).ToResult();
    }

    private static Failure? ReadQuery(HttpRequest request, out ExportFormat format, out ExportQuery query)
    {
        query = new();
        DateTimeOffset? from = null;
        DateTimeOffset? to = null;
        if ((ReadFormat(request, out format) ?? QueryInstants.Read(request, "from", out from) ?? QueryInstants.Read(request, "to", out to)) is { } failure)
        {
            return failure;
        }

        TransactionId? after = null;
        if (request.Query["after"] is { Count: > 0 } values)
        {
            if (values.Count > 1 || !TransactionId.TryParse(values[0], out var id))
            {
                return Failure.Invalid("after", "after must be the id of the last transaction that an export gave (\"txn_\" and 26 characters).");
            }

            after = id;
        }

        query = new() { From = from, To = to, After = after };
        return null;
    }

    private static Failure? ReadFormat(HttpRequest request, out ExportFormat format)
    {
        var values = request.Query["format"];
        format = values.Count == 1 && values[0] == "csv" ? ExportFormat.Csv : ExportFormat.Ndjson;
        return values.Count == 0 || (values.Count == 1 && values[0] is "ndjson" or "csv") ? null : Failure.Invalid("format", "format must be ndjson or csv.");
    }

    /// <summary>Sends an export while it is read.</summary>
    private sealed class ExportResult(TransactionExport export, ExportFormat format, bool isWhole) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.ContentType = format == ExportFormat.Csv ? $"{Csv}; charset=utf-8; header={(isWhole ? "present" : "absent")}" : Ndjson;
            response.Headers.ContentDisposition = $"attachment; filename=\"transactions.{(format == ExportFormat.Csv ? "csv" : "ndjson")}\"";

            // From here on whatever fails breaks the connection (GatewayMiddleware): an error behind half of the lines would look like a line. A server
            // that stops ends it too, and its reader goes on after the last line elsewhere: a slow one would hold up the stop of everything else.
            var stopping = httpContext.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(httpContext.RequestAborted, stopping);
            await response.StartAsync(ending.Token).ConfigureAwait(false);
            try
            {
                await export.WriteAsync(response.BodyWriter, format, withAccount: false, withHeader: isWhole, ending.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                httpContext.Abort();
            }
        }
    }
}
