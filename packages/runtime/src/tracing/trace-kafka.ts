/**
 * Spans of what goes through Kafka (https://opentelemetry.io/docs/specs/semconv/messaging/kafka/). A batch that is read holds
 * messages of many traces, so its span links to theirs instead of having one as its parent.
 */
import type { Link, TextMapGetter } from '@opentelemetry/api'
import type { Consumer, ConsumerRunConfig, EachBatchPayload, IHeaders, Kafka, Producer } from 'kafkajs'
import { endSpan, isTracing, telemetry, tracer } from './tracing.ts'

const linksMax = 32

const fromHeaders: TextMapGetter<IHeaders> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, key) => headers[key]?.toString(),
}

/** The same client, whose producers and consumers tell of what they do; unchanged while this process does not trace. */
export function traceKafka(kafka: Kafka): Kafka {
  if (!isTracing()) return kafka
  const { producer, consumer } = kafka
  kafka.producer = (config) => traceProducer(producer.call(kafka, config))
  kafka.consumer = (config) => traceConsumer(consumer.call(kafka, config))
  return kafka
}

function traceProducer(producer: Producer): Producer {
  const send = producer.send.bind(producer)
  const { context, propagation, SpanKind, trace } = telemetry()
  producer.send = async (record) => {
    const attributes = { 'messaging.system': 'kafka', 'messaging.destination.name': record.topic }
    const span = tracer().startSpan(`send ${record.topic}`, { kind: SpanKind.PRODUCER, attributes })
    const headers: Record<string, string> = {}
    propagation.inject(trace.setSpan(context.active(), span), headers)
    const messages = record.messages.map((message) => ({
      ...message,
      headers: { ...message.headers, ...headers },
    }))
    try {
      const answer = await send({ ...record, messages })
      endSpan(span)
      return answer
    } catch (cause) {
      endSpan(span, cause)
      throw cause
    }
  }
  return producer
}

function traceConsumer(consumer: Consumer): Consumer {
  const run = consumer.run.bind(consumer)
  consumer.run = async (config: ConsumerRunConfig = {}) => {
    const { eachBatch } = config
    if (eachBatch === undefined) return await run(config)
    return await run({ ...config, eachBatch: (payload) => traceBatch(payload, eachBatch) })
  }
  return consumer
}

async function traceBatch(
  payload: EachBatchPayload,
  eachBatch: (payload: EachBatchPayload) => Promise<void>,
): Promise<void> {
  const { context, ROOT_CONTEXT, SpanKind, trace } = telemetry()
  const { topic, messages } = payload.batch
  const attributes = {
    'messaging.system': 'kafka',
    'messaging.destination.name': topic,
    'messaging.batch.message_count': messages.length,
  }
  const options = { kind: SpanKind.CONSUMER, attributes, links: linksOf(messages) }
  const span = tracer().startSpan(`process ${topic}`, options, ROOT_CONTEXT)
  try {
    await context.with(trace.setSpan(ROOT_CONTEXT, span), () => eachBatch(payload))
    endSpan(span)
  } catch (cause) {
    endSpan(span, cause)
    throw cause
  }
}

function linksOf(messages: EachBatchPayload['batch']['messages']): Link[] {
  const { propagation, ROOT_CONTEXT, trace } = telemetry()
  const links: Link[] = []
  for (const { headers } of messages) {
    if (links.length >= linksMax) break
    if (headers === undefined) continue
    const sender = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers, fromHeaders))
    if (sender !== undefined) links.push({ context: sender })
  }
  return links
}
