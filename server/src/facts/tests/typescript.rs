//! TypeScript and JavaScript.

use expect_test::expect;

use super::check;

#[test]
fn types_and_members() {
    check(
        "src/shape.ts",
        r#"import fs, { type A, b as c } from './x';
import * as path from "path";
import './side-effect';
export { d } from './d';
import legacy = require('legacy');
const { e, f: g } = require('../e');

/** A shape. */
export interface Shape<T = number> {
  readonly sides: T[];
  area(scale: number): number;
}

export type Id = string | number;

export enum Kind { Round, Angular = 'angular' }

/**
 * A square.
 *
 * More.
 */
@Component({})
export default class Square extends Base implements Shape {
  static count = 0;
  #side: number;
  constructor(private readonly name: string) {
    super();
  }
  get area(): number { return this.#side ** 2; }
  onClick = async (event: Event): Promise<void> => {
    handle(event);
  };
}

export const LIMIT = 10;
// Adds.
export const add = (a: number, b: number): number => a + b;
function outer() {
  const inner = () => 1;
  const local = 2;
  return inner;
}
declare module 'x' { function declared(a: string): void; }
namespace Space { export abstract class Base { abstract run(): void; } }
export const api = { list: () => fetch('/list'), other: 1 };
"#,
        expect![[r#"
            9-12 interface Shape
              | export interface Shape<T = number> {
              |   readonly sides: T[];
              |   area(scale: number): number;
              | }
              " /** A shape. */
            10-10 field Shape.sides
              | readonly sides: T[]
            11-11 method Shape.area
              | area(scale: number): number
            14-14 class Id
              | export type Id = string | number;
            16-16 class Kind
              | export enum Kind { Round, Angular = 'angular' }
            16-16 field Kind.Round
              | Round
            16-16 field Kind.Angular
              | Angular = 'angular'
            24-34 class Square
              | @Component({})
              | export default class Square extends Base implements Shape {
              |   static count = 0;
              |   #side: number;
              |   constructor(private readonly name: string) {
              |     super();
              |   }
              |   get area(): number { return this.#side ** 2; }
              |   onClick = async (event: Event): Promise<void> => {
              |     handle(event);
              |   };
              | }
              " /**
              "  * A square.
            25-25 field Square.count
              | static count = 0
            26-26 field Square.#side
              | #side: number
            27-29 method Square.constructor
              | constructor(private readonly name: string)
            27-27 field Square.name
              | private readonly name: string
            30-30 method Square.area
              | get area(): number
            31-33 method Square.onClick
              | onClick = async (event: Event): Promise<void> =>
            36-36 constant LIMIT
              | export const LIMIT = 10
            38-38 function add
              | export const add = (a: number, b: number): number =>
              " // Adds.
            39-43 function outer
              | function outer()
            40-40 function outer.inner
              | const inner = () =>
            44-44 function declared
              | function declared(a: string): void;
            45-45 module Space
              | namespace Space
            45-45 class Space.Base
              | abstract class Base { abstract run(): void; }
            45-45 method Base.run
              | abstract run(): void
            46-46 constant api
              | export const api = { list: () => fetch('/list'), other: 1 }
            46-46 function api.list
              | list: () =>
            1 import ./x -> fs A c
            2 import path -> path
            3 import ./side-effect -> 
            4 import ./d -> d
            5 import legacy -> legacy
            6 import ../e -> e g
            1 uses fs
            2 uses path
            5 uses legacy
            6 uses require
            11 uses scale
            23 uses Component
            24 uses Base Shape
            30 uses #side
            31 uses event Event Promise
            32 uses handle event
            41 uses local
            42 uses inner
            46 uses fetch other
        "#]],
    );
}

#[test]
fn javascript() {
    check(
        "a.jsx",
        r#"import React from 'react';
export function App({ items }) {
  const onClick = () => items.push(1);
  return <List items={items} onClick={onClick} />;
}
class Store {
  #items = [];
  load = () => fetch(url);
  static of(items) { return new Store(items); }
}
Store.prototype.save = function (to) { return to; };
var old = 1, older = function () {};
const lazy = () => import('./lazy');
"#,
        expect![[r#"
            2-5 function App
              | export function App({ items })
            3-3 function App.onClick
              | const onClick = () =>
            6-10 class Store
              | class Store {
              |   #items = [];
              |   load = () => fetch(url);
              |   static of(items) { return new Store(items); }
              | }
            7-7 field Store.#items
              | #items = []
            8-8 method Store.load
              | load = () =>
            9-9 method Store.of
              | static of(items)
            11-11 method Store.save
              | Store.prototype.save = function (to)
            12-12 constant old
              | var old = 1
            12-12 function older
              | older = function ()
            13-13 function lazy
              | const lazy = () =>
            1 import react -> React
            13 import ./lazy -> 
            1 uses React
            3 uses items push
            4 uses List items items onClick onClick
            8 uses fetch url
            9 uses items Store items
            11 uses Store prototype to to
        "#]],
    );
}

#[test]
fn names_that_pass_through_and_links() {
    check(
        "src/index.ts",
        r#"export { area as size, type Shape } from "./shape";
const inner = 1;
export { inner as outer };

/**
 * As {@link area} and {@link Shape.draw the drawing} have it; {@linkcode size}.
 */
export function describe() {}
"#,
        expect![[r#"
            2-2 constant inner
              | const inner = 1
            8-8 function describe
              | export function describe()
              " /**
              "  * As {@link area} and {@link Shape.draw the drawing} have it; {@linkcode size}.
            1 import ./shape -> area Shape
            1 uses area size Shape
            3 uses inner outer
            6 uses area Shape draw size
        "#]],
    );
}
